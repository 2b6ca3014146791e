#include "ota/uboot_env.hpp"

#include "core/owned.hpp"

#include <cstddef>   // libuboot.h 0.3.2 uses size_t without it
#include <cstdlib>
#include <filesystem>
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
    Owned<uboot_ctx, libuboot_close> open;   // dies first
};

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
    if (libuboot_open(raw) != 0)
        return fail(Errc::io, "the boot environment described by " + config.string() +
                                  " is unreadable: no copy has a good checksum");
    return env;
}

std::optional<std::string> value_of(OpenEnv const& env, char const* name) {
    Owned<char, std::free> const value{libuboot_get_env(env.open.get(), name)};
    if (!value) return std::nullopt;
    return std::string{value.get()};
}

// Hex, as the loader and RAUC write it.
int tries_in(std::optional<std::string> const& text, int absent) {
    if (!text || text->empty()) return absent;
    char* end = nullptr;
    auto const value = std::strtol(text->c_str(), &end, 16);
    return *end == '\0' && value >= 0 && value <= 0xff ? static_cast<int>(value) : absent;
}

BootState state_in(OpenEnv const& env, int attempts) {
    BootState state;
    std::istringstream order{value_of(env, kOrder).value_or("")};
    for (std::string word; order >> word;)
        if (auto const slot = core::slot_named(word); slot && !state.has_in_order(*slot))
            state.order.push_back(*slot);
    state.left_a = tries_in(value_of(env, kLeftA), attempts);
    state.left_b = tries_in(value_of(env, kLeftB), attempts);
    state.trial = core::slot_named(value_of(env, kTrial).value_or(""));
    return state;
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

Result<BootState> read_now(std::filesystem::path const& config, int attempts) {
    auto const env = open_env(config);
    if (!env) return env.error();
    return state_in(*env, attempts);
}

// One store per open: a second one in the same context is lost (docs/traps.md).
Result<void> store(std::filesystem::path const& config, BootState const& wanted) {
    auto const env = open_env(config);
    if (!env) return env.error();
    auto* const open = env->open.get();
    bool changed = false;
    bool refused = false;
    auto const put = [&](char const* name, std::string const& value) {
        if (value_of(*env, name).value_or("") == value) return;
        changed = true;
        refused |= libuboot_set_env(open, name, value.empty() ? nullptr : value.c_str()) != 0;
    };
    put(kOrder, printed(wanted.order));
    put(kLeftA, hex(wanted.left_a));
    put(kLeftB, hex(wanted.left_b));
    put(kTrial, wanted.trial ? core::name(*wanted.trial) : "");
    if (refused) return fail(Errc::refused, "the boot environment refused a variable");
    if (changed && libuboot_env_store(open) != 0)
        return fail(Errc::io, "the boot environment could not be written (read-only or failing device?)");
    return {};
}

Result<void> write_now(std::filesystem::path const& config, BootState const& wanted, int attempts) {
    if (auto const stored = store(config, wanted); !stored) return stored;
    auto const found = read_now(config, attempts);
    if (!found) return fail(found, "reading the boot environment back");
    if (*found != wanted)
        return fail(Errc::io, "the boot environment reads back other values than were written");
    return {};
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
