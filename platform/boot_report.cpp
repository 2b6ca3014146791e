#include "platform/boot_report.hpp"

#include "platform/command_line.hpp"

namespace platform {

BootReport boot_report(std::string_view command_line, std::string_view initrd) {
    BootReport report;
    // Lines are words as well: none of the values has a blank.
    auto const data = value_in_command_line(initrd, "data");
    report.data_is_lost = data == "lost";
    if (report.data_is_lost)
        report.problems.emplace_back(
            "the data partition did not mount: /data is memory, nothing is kept, and the LAN is the built-in "
            "default; a reboot tries it again, and what is on it was not touched");
    if (data == "repaired")
        report.problems.emplace_back(
            "the data partition was damaged and has been repaired: look whether files are missing below "
            "/data");
    if (value_in_command_line(command_line, "atomix.env") == "failed")
        report.problems.emplace_back(
            "the loader could not store its boot counter: a slot that does not come up would be booted for "
            "ever; look at the flash or card of the boot environment");
    return report;
}

}   // namespace platform
