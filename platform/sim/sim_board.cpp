#include "platform/sim/sim_board.hpp"

#include "core/files.hpp"
#include "platform/command_line.hpp"

#include <signal.h>
#include <unistd.h>

#include <charconv>

namespace platform {
namespace {

constexpr std::size_t kLongestCommandLine = 4096;

core::Result<std::string> value(std::filesystem::path const& command_line, std::string_view key) {
    auto const line = core::read_file(command_line, kLongestCommandLine);
    if (!line) return core::fail(line, "reading the command line of this boot");
    auto found = value_in_command_line(*line, key);
    if (!found)
        return core::fail(core::Errc::not_found, command_line.string() + " has no " + std::string{key} +
                                                     "=: the loader did not say");
    return std::move(*found);
}

core::Result<void> request_and_end(std::filesystem::path const& request, std::string const& why, int signal) {
    if (auto const ok = core::replace_file(request, why + '\n'); !ok)
        return core::fail(ok, "asking for a reboot");
    if (::kill(::getpid(), signal) != 0) return core::fail_errno("ending for a reboot");
    return {};
}

}   // namespace

core::Result<core::Slot> SimBoard::booted_slot() const {
    auto const name = value(command_line_, "rauc.slot");
    if (!name) return name.error();
    if (auto const slot = core::slot_named(*name)) return *slot;
    return core::fail(core::Errc::not_found, "rauc.slot=" + *name + " names no slot (A or B)");
}

core::Result<std::string> SimBoard::boot_id() const {
    return value(command_line_, "atomix.boot_id");
}

std::string SimBoard::boot_reason() const {
    auto const reason = value(command_line_, "atomix.boot_reason");
    return reason ? *reason : "";
}

std::string SimBoard::serial() const {
    auto const serial = value(command_line_, "atomix.serial");
    return serial ? *serial : "";
}

core::Temperatures SimBoard::temperatures() const {
    auto const told = value(command_line_, "atomix.temperature");
    int now = 0;
    if (!told || std::from_chars(told->data(), told->data() + told->size(), now).ec != std::errc{}) return {};
    return {{.sensor = "simulated", .millicelsius = now}};
}

core::Task<core::Result<void>> SimBoard::reboot(std::string why) {
    co_return request_and_end(reboot_request_, why, SIGTERM);
}

core::Task<core::Result<void>> SimBoard::force_reboot(std::string why) {
    co_return request_and_end(reboot_request_, why, SIGKILL);
}

}   // namespace platform
