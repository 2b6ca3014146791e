#include "platform/kernel_file.hpp"

#include "core/files.hpp"
#include "core/owned.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace platform {

std::string line_of_kernel_file(std::filesystem::path const& file) {
    constexpr std::size_t kOnePage = 4096;   // sysfs has no longer ones
    auto text = core::read_file(file, kOnePage);
    if (!text) return {};
    text->erase(std::min(text->find('\n'), text->size()));
    return std::move(*text);
}

core::Result<void> write_kernel_file(std::filesystem::path const& file, std::string_view text) {
    core::OwnedFd const fd{::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY)};
    if (!fd) return core::fail_errno("opening " + file.string());
    if (::write(fd.get(), text.data(), text.size()) < 0)
        return core::fail_errno("writing to " + file.string());
    return {};
}

}   // namespace platform
