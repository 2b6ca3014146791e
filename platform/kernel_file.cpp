#include "platform/kernel_file.hpp"

#include "core/owned.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace platform {

core::Result<void> write_kernel_file(std::filesystem::path const& file, std::string_view text) {
    core::OwnedFd const fd{::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY)};
    if (!fd) return core::fail_errno("opening " + file.string());
    if (::write(fd.get(), text.data(), text.size()) < 0)
        return core::fail_errno("writing to " + file.string());
    return {};
}

}   // namespace platform
