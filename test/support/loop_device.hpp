#pragma once
// A block device over a file that the kernel gives back by itself, however this process ends. Needs root: a
// test that cannot have one fails, with a sentence that says so.

#include "core/owned.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace test {

class LoopDevice {
public:
    // `node` is a device file of our own beside `file`: a /dev that was made by hand lacks most of them.
    explicit LoopDevice(std::filesystem::path const& file) : node{file.string() + ".device"} {
        core::OwnedFd const backing{check(::open(file.c_str(), O_RDWR | O_CLOEXEC), "opening the file")};
        loop_config config{};
        config.fd = static_cast<__u32>(backing.get());
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR;   // free when the last descriptor is closed
        for (;;) {
            core::OwnedFd const control{
                check(::open("/dev/loop-control", O_RDWR | O_CLOEXEC), "opening /dev/loop-control")};
            int const number = check(::ioctl(control.get(), LOOP_CTL_GET_FREE), "looking for a free one");
            check(::mknod(node.c_str(), S_IFBLK | 0600, makedev(7, static_cast<unsigned>(number))), "mknod");
            device_ = core::OwnedFd{check(::open(node.c_str(), O_RDWR | O_CLOEXEC), "opening the device")};
            if (::ioctl(device_.get(), LOOP_CONFIGURE, &config) == 0) return;
            std::filesystem::remove(node);
            if (errno != EBUSY) check(-1, "LOOP_CONFIGURE");   // else somebody took it meanwhile
        }
    }

    std::filesystem::path node;

private:
    static int check(int result, char const* what) {
        if (result < 0)
            throw std::system_error{errno, std::generic_category(), std::string{"loop device: "} + what};
        return result;
    }
    core::OwnedFd device_;
};

}   // namespace test
