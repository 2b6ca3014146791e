#pragma once
// What the loader and the initrd of this boot could not do as they should. Pure.
//
// The loader says "atomix.env=saved" or "failed" on the kernel's command line: whether it could store its
// boot counter. The initrd writes lines NAME=VALUE to /run/atomix-initrd: "data=lost" (the data partition did
// not mount, so that /data is memory), "data=repaired" (by fsck).

#include <string>
#include <string_view>
#include <vector>

namespace platform {

struct BootReport {
    bool data_is_lost = false;           // what is written to /data is gone with this boot
    std::vector<std::string> problems;   // each a sentence for the status
    bool operator==(BootReport const&) const = default;
};

BootReport boot_report(std::string_view command_line, std::string_view initrd);

}   // namespace platform
