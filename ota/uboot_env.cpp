#include "ota/uboot_env.hpp"

#include "core/owned.hpp"
#include "ota/uboot_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>   // libuboot.h 0.3.2 uses size_t without it
#include <filesystem>
#include <limits>
#include <sstream>

extern "C" {
#include <libuboot.h>
}

namespace ota {
namespace {

using core::Errc;
using core::fail;
using core::Owned;

constexpr char const* kOrder = "BOOT_ORDER";
constexpr char const* kLeftA = "BOOT_A_LEFT";
constexpr char const* kLeftB = "BOOT_B_LEFT";
constexpr char const* kTrial = "ATOMIX_TRIAL";

// libubootenv works unlocked, and says nothing, where it cannot make its lock file (libubootenv
// src/uboot_env.c).
constexpr char const* kLockDirectory = "/var/lock";

struct OpenEnv {
    Owned<uboot_ctx, libuboot_exit> context;
    Owned<uboot_ctx, libuboot_close> open;   // dies first; holds the lock that fw_setenv takes too
};

// Also when no copy is good: what is set then is stored as it is in a whole one, like fw_setenv does it.
Result<OpenEnv> open_env(std::filesystem::path const& config) {
    if (!std::filesystem::is_directory(kLockDirectory))
        return fail(Errc::io, std::string{"the boot environment needs the directory "} + kLockDirectory +
                                  " for its lock");
    uboot_ctx* raw = nullptr;
    if (libuboot_initialize(&raw, nullptr) != 0) return fail(Errc::io, "libubootenv could not be set up");
    OpenEnv env;
    env.context.reset(raw);
    if (libuboot_read_config(raw, config.c_str()) != 0)
        return fail(Errc::io, config.string() + " does not describe a usable boot environment");
    env.open.reset(raw);   // even a failed open holds the lock until it is closed
    if (int const opened = libuboot_open(raw); opened != 0 && opened != -ENODATA)
        return fail(Errc::io, "the boot environment described by " + config.string() +
                                  " cannot be read (a device is missing, too short or failing)");
    return env;
}

// Hex, as the loader and RAUC write it: one to eight digits, 0x or not.
int tries_in(std::string_view text, int otherwise) {
    if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
    std::uint32_t tries = 0;
    auto const* const end = text.data() + text.size();
    auto const parsed = std::from_chars(text.data(), end, tries, 16);
    if (text.size() > 8 || parsed.ec != std::errc{} || parsed.ptr != end) return otherwise;
    return static_cast<int>(std::min<std::uint32_t>(tries, std::numeric_limits<int>::max()));
}

std::vector<Slot> order_in(std::string const& text) {
    BootState known;
    std::istringstream words{text};
    for (std::string word; words >> word;)
        if (auto const slot = core::slot_named(word); slot && !known.has_in_order(*slot))
            known.order.push_back(*slot);
    return known.order.empty() ? std::vector{Slot::a, Slot::b} : known.order;
}

std::string value_of(Variables const& variables, char const* name) {
    auto const found = variables.find(name);
    return found == variables.end() ? "" : found->second;
}

BootState state_in(std::vector<EnvCopy> const& copies, int attempts) {
    auto const variables = variables_in_use(copies);
    return {.order = order_in(value_of(variables, kOrder)),
            .left_a = tries_in(value_of(variables, kLeftA), attempts),
            .left_b = tries_in(value_of(variables, kLeftB), attempts),
            .trial = core::slot_named(value_of(variables, kTrial)),
            .lost = !copy_in_use(copies)};
}

std::string hex(int tries) {
    std::ostringstream text;
    text << std::hex << tries;
    return text.str();
}

std::string printed(std::vector<Slot> const& order) {
    std::string text;
    for (auto const slot : order) text += (text.empty() ? "" : " ") + std::string{core::name(slot)};
    return text;
}

// All four, in our own form; an absent one is empty.
Variables printed(BootState const& state) {
    return {{kOrder, printed(state.order)},
            {kLeftA, hex(state.left_a)},
            {kLeftB, hex(state.left_b)},
            {kTrial, state.trial ? core::name(*state.trial) : ""}};
}

Variables with(Variables variables, BootState const& wanted) {
    for (auto const& [name, value] : printed(wanted)) {
        variables.erase(name);
        if (!value.empty()) variables.emplace(name, value);
    }
    return variables;
}

Result<BootState> read_now(std::filesystem::path const& config, int attempts) {
    auto const reader = UbootReader::open(config);
    auto const env = open_env(config);   // for its lock
    if (!env) return env.error();
    if (!reader) return reader.error();
    auto const copies = reader->read();
    if (!copies) return copies.error();
    return state_in(*copies, attempts);
}

// One store per open: a second one in the same context is lost (docs/traps.md).
Result<void> store(OpenEnv const& env, UbootReader const& reader, BootState const& wanted) {
    bool refused = false;
    for (auto const& [name, value] : printed(wanted))
        refused |=
            libuboot_set_env(env.open.get(), name.c_str(), value.empty() ? nullptr : value.c_str()) != 0;
    if (refused) return fail(Errc::refused, "the boot environment refused a variable");
    if (libuboot_env_store(env.open.get()) != 0)
        return fail(Errc::io, "the boot environment on " + reader.places().front().device.string() +
                                  " could not be written (read-only, full or failing device?)");
    return {};
}

Result<void> write_now(std::filesystem::path const& config, BootState const& wanted, int attempts) {
    auto const reader = UbootReader::open(config);
    if (reader)   // so that libubootenv begins with what the device holds, not with a write that failed
        if (auto const fresh = reader->read(); !fresh) return fresh.error();
    auto const env = open_env(config);
    if (!env) return env.error();
    if (!reader) return reader.error();
    auto const before = reader->read();
    if (!before) return before.error();
    if (state_in(*before, attempts) == wanted) return {};

    if (auto const stored = store(*env, *reader, wanted); !stored) return stored;
    auto const after = reader->read();
    if (!after) return fail(after, "reading the boot environment back");
    return check_store(reader->places(), *before, *after, with(variables_in_use(*before), wanted));
}

}   // namespace

Task<Result<BootState>> UbootEnv::read() {
    auto work = [config = config_, attempts = attempts_] { return read_now(config, attempts); };
    co_return co_await workers_.run(std::move(work));
}

Task<Result<void>> UbootEnv::write(BootState wanted) {
    auto work = [config = config_, attempts = attempts_, wanted] {
        return write_now(config, wanted, attempts);
    };
    co_return co_await workers_.run(std::move(work));
}

}   // namespace ota
