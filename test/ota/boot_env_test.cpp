#include "ota/boot_env.hpp"

#include "core/files.hpp"
#include "core/processes.hpp"
#include "ota/uboot_env.hpp"
#include "support/memory_boot_env.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <fstream>

using core::Slot;
using ota::BootState;

namespace {

constexpr int kAttempts = 3;
constexpr int kEnvSize = 0x2000;
BootState const kBothGood{.order = {Slot::a, Slot::b}, .left_a = 3, .left_b = 3, .trial = std::nullopt};

// An environment in two files, made by the real fw_setenv.
struct UbootFiles {
    test::TemporaryDirectory directory;
    core::asio::io_context io;
    core::Workers workers{1};
    std::filesystem::path config = directory / "fw_env.config";

    UbootFiles() {
        std::ofstream{config} << (directory / "env-0").string() << " 0x0 0x2000\n"
                              << (directory / "env-1").string() << " 0x0 0x2000\n";
        for (auto const* copy : {"env-0", "env-1"})
            std::ofstream{directory / copy} << std::string(kEnvSize, '\xff');
        std::ofstream{directory / "empty"};
        set("BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\nother=kept\n");
    }
    void set(std::string const& variables) {   // starts from nothing where there is no good copy
        std::ofstream{directory / "variables"} << variables;
        run({"/usr/bin/fw_setenv", "-c", config.string(), "-f", (directory / "empty").string(), "-s",
             (directory / "variables").string()});
    }
    std::string run(std::vector<std::string> argv) {
        core::SystemProcesses processes;
        core::Command command{.argv = std::move(argv)};
        auto const done = test::run_task(io, processes.run(std::move(command)));
        REQUIRE(done.has_value());
        REQUIRE(done->status == 0);
        return done->output;
    }
    std::string variable(std::string const& name) {
        return run({"/usr/bin/fw_printenv", "-c", config.string(), "-n", name});
    }
    void damage(std::string_view copy) {
        std::fstream file{directory / copy, std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(100);
        file << "damage";
    }
    ota::UbootEnv env() { return {workers, config, kAttempts}; }
};

BootState read(core::asio::io_context& io, ota::BootEnv& env) {
    auto state = test::run_task(io, env.read());
    REQUIRE(state.has_value());
    return *state;
}

void write(core::asio::io_context& io, ota::BootEnv& env, BootState const& wanted) {
    auto const done = test::run_task(io, env.write(wanted));
    REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().text()));
}

// What every BootEnv does, the one in memory and libubootenv's.
void behaves_like_a_boot_env(core::asio::io_context& io, ota::BootEnv& env) {
    CHECK(read(io, env) == kBothGood);

    auto const marked = with_marked_bad(read(io, env), Slot::b, kAttempts);
    write(io, env, marked);
    CHECK(read(io, env) == BootState{.order = {Slot::a}, .left_a = 3, .left_b = 0, .trial = std::nullopt});

    write(io, env, with_activated(read(io, env), Slot::b, kAttempts));
    CHECK(read(io, env) ==
          BootState{.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 3, .trial = Slot::b});

    write(io, env, with_committed(read(io, env), Slot::b, kAttempts));
    CHECK(read(io, env) ==
          BootState{.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 3, .trial = std::nullopt});
}

}   // namespace

TEST_CASE("the boot environment in memory and libubootenv's behave alike") {
    SUBCASE("in memory") {
        core::asio::io_context io;
        test::MemoryBootEnv env;
        behaves_like_a_boot_env(io, env);
    }
    SUBCASE("libubootenv on two files") {
        UbootFiles files;
        auto env = files.env();
        behaves_like_a_boot_env(files.io, env);
    }
}

TEST_CASE_FIXTURE(UbootFiles, "what is written is what fw_printenv shows, and other variables stay") {
    auto uboot = env();
    write(io, uboot, with_activated(kBothGood, Slot::b, kAttempts));
    CHECK(variable("BOOT_ORDER") == "B A\n");
    CHECK(variable("BOOT_B_LEFT") == "3\n");
    CHECK(variable("ATOMIX_TRIAL") == "B\n");
    CHECK(variable("other") == "kept\n");
}

TEST_CASE_FIXTURE(UbootFiles, "three writes in a row are all kept: one store per open") {
    auto uboot = env();
    for (int left : {2, 1, 0}) {
        auto state = kBothGood;
        state.left_b = left;
        write(io, uboot, state);
    }
    CHECK(variable("BOOT_B_LEFT") == "0\n");
}

TEST_CASE_FIXTURE(UbootFiles, "with one damaged copy the other one is used, with two the error says so") {
    auto uboot = env();
    write(io, uboot, with_refilled(kBothGood, Slot::a, 2));
    damage("env-0");
    CHECK(test::run_task(io, uboot.read()).has_value());
    damage("env-1");
    auto const state = test::run_task(io, uboot.read());
    REQUIRE(!state);
    CHECK(state.error().is(core::Errc::io));
    CHECK(state.error().context.find("no copy has a good checksum") != std::string::npos);
}

TEST_CASE_FIXTURE(UbootFiles, "an environment that could not be read does not stay locked") {
    auto uboot = env();
    damage("env-0");
    damage("env-1");
    CHECK(!test::run_task(io, uboot.read()).has_value());
    set("BOOT_ORDER=A\n");   // fw_setenv wants the same lock
    CHECK(read(io, uboot).order == std::vector{Slot::a});
}

TEST_CASE_FIXTURE(UbootFiles, "a missing description of the environment is an error that names it") {
    ota::UbootEnv missing{workers, directory / "nowhere", kAttempts};
    auto const state = test::run_task(io, missing.read());
    REQUIRE(!state);
    CHECK(state.error().context.find("nowhere") != std::string::npos);
}

TEST_CASE_FIXTURE(UbootFiles, "an environment that cannot be written is not reported as written") {
    auto uboot = env();
    std::filesystem::remove(directory / "env-1");
    std::filesystem::create_directory(directory / "env-1");   // opening it for writing fails, even for root
    auto const done = test::run_task(io, uboot.write(with_activated(kBothGood, Slot::b, kAttempts)));
    CHECK(!done);
}

TEST_CASE_FIXTURE(UbootFiles, "a counter that is no number counts as full, as in the loader") {
    run({"/usr/bin/fw_setenv", "-c", config.string(), "BOOT_A_LEFT", "zz"});
    auto uboot = env();
    CHECK(read(io, uboot).left_a == kAttempts);
}

TEST_CASE_FIXTURE(UbootFiles, "counters are hexadecimal, those that another program set high included") {
    run({"/usr/bin/fw_setenv", "-c", config.string(), "BOOT_B_LEFT", "1f"});
    auto uboot = env();
    CHECK(read(io, uboot).left_b == 31);
    write(io, uboot, with_refilled(read(io, uboot), Slot::a, 2));
    CHECK(variable("BOOT_A_LEFT") == "2\n");
    CHECK(variable("BOOT_B_LEFT") == "1f\n");
}

TEST_CASE("no change ever leaves the loader without a slot to try") {
    BootState const states[] = {
        kBothGood,
        {.order = {}, .left_a = 0, .left_b = 0, .trial = std::nullopt},
        {.order = {Slot::a}, .left_a = 1, .left_b = 0, .trial = Slot::a},
        {.order = {Slot::b}, .left_a = 0, .left_b = 1, .trial = Slot::b},
    };
    for (auto const& state : states)
        for (auto const slot : {Slot::a, Slot::b})
            for (auto const& next :
                 {with_marked_bad(state, slot, kAttempts), with_activated(state, slot, kAttempts),
                  with_committed(state, slot, kAttempts)}) {
                bool bootable = false;
                for (auto const candidate : next.order) bootable |= next.left(candidate) > 0;
                CHECK(bootable);
            }
}

TEST_CASE("marking a slot bad ends its trial and nobody else's") {
    BootState const on_trial{.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 2, .trial = Slot::b};
    CHECK(with_marked_bad(on_trial, Slot::b, kAttempts) ==
          BootState{.order = {Slot::a}, .left_a = 3, .left_b = 0, .trial = std::nullopt});
    CHECK(with_marked_bad(on_trial, Slot::a, kAttempts).trial == Slot::b);
}
