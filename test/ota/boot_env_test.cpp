#include "ota/boot_env.hpp"

#include "ota/uboot_env.hpp"
#include "ota/uboot_reader.hpp"
#include "support/memory_boot_env.hpp"
#include "support/uboot_files.hpp"

#include <sys/resource.h>

#include <csignal>

using core::Slot;
using ota::BootState;

namespace {

constexpr int kAttempts = 3;
BootState const kBothGood{.order = {Slot::a, Slot::b}, .left_a = 3, .left_b = 3, .trial = std::nullopt};

struct UbootFiles : test::UbootFiles {
    using test::UbootFiles::UbootFiles;
    ota::UbootEnv env() { return {workers, config, kAttempts}; }

    // How often something was stored: each store makes the flags of the copy in use one greater.
    int flags() {
        auto const reader = ota::UbootReader::open(config);
        REQUIRE(reader.has_value());
        auto const copies = reader->read();
        REQUIRE(copies.has_value());
        return (*copies)[ota::copy_in_use(*copies).value()].flags;
    }
};
struct OneCopy : UbootFiles {
    OneCopy() : UbootFiles{1} {}
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

void begins_anew_when_lost(core::asio::io_context& io, ota::BootEnv& env) {
    auto const lost = read(io, env);
    CHECK(lost == BootState{.order = {Slot::a, Slot::b}, .left_a = 3, .left_b = 3, .lost = true});
    auto const refilled = with_refilled(lost, Slot::a, kAttempts);
    CHECK(refilled != lost);   // so that it is written
    write(io, env, refilled);
    CHECK(read(io, env) == kBothGood);
}

// Files may grow to `bytes` and no further, as on a device that is full.
class FileSizeLimit {
public:
    explicit FileSizeLimit(::rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        ::rlimit const limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        handler_ = std::signal(SIGXFSZ, SIG_IGN);
    }
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    FileSizeLimit(FileSizeLimit const&) = delete;
    FileSizeLimit& operator=(FileSizeLimit const&) = delete;

private:
    ::rlimit before_{};
    void (*handler_)(int) = nullptr;
};

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
    SUBCASE("libubootenv on one file") {
        OneCopy files;
        auto env = files.env();
        behaves_like_a_boot_env(files.io, env);
    }
}

TEST_CASE("a lost environment reads as the loader's defaults and begins anew with the next write") {
    SUBCASE("in memory") {
        core::asio::io_context io;
        test::MemoryBootEnv env;
        env.lose(kAttempts);
        begins_anew_when_lost(io, env);
    }
    SUBCASE("libubootenv on two files") {
        UbootFiles files;
        files.damage(0);
        files.damage(1);
        auto env = files.env();
        begins_anew_when_lost(files.io, env);
        CHECK(files.variable("BOOT_ORDER") == "A B\n");
    }
    SUBCASE("libubootenv on one file") {
        OneCopy files;
        files.damage(0);
        auto env = files.env();
        begins_anew_when_lost(files.io, env);
    }
}

TEST_CASE_FIXTURE(UbootFiles, "a lost environment can be activated, committed and marked bad") {
    for (int change = 0; change < 3; ++change) {
        damage(0);
        damage(1);
        auto uboot = env();
        auto const lost = read(io, uboot);
        REQUIRE(lost.lost);
        write(io, uboot,
              change == 0   ? with_activated(lost, Slot::b, kAttempts)
              : change == 1 ? with_committed(lost, Slot::b, kAttempts)
                            : with_marked_bad(lost, Slot::a, kAttempts));
        CHECK(read(io, uboot).order.front() == Slot::b);
        CHECK(read(io, uboot).trial == (change == 0 ? std::optional{Slot::b} : std::nullopt));
    }
}

TEST_CASE("an update costs three stores, a boot one, and what is there already none") {
    auto const costs = [](UbootFiles& files, bool two_copies) {
        auto env = files.env();
        auto const changed = [&](BootState const& next) {
            auto const flags = two_copies ? files.flags() : 0;
            auto const bytes = files.bytes(0);
            write(files.io, env, next);
            CHECK(read(files.io, env) == next);
            return two_copies ? files.flags() - flags : static_cast<int>(files.bytes(0) != bytes);
        };
        auto const now = [&] { return read(files.io, env); };
        CHECK(changed(with_marked_bad(now(), Slot::b, kAttempts)) == 1);
        CHECK(changed(with_marked_bad(now(), Slot::b, kAttempts)) == 0);
        CHECK(changed(with_activated(now(), Slot::b, kAttempts)) == 1);
        CHECK(changed(with_activated(now(), Slot::b, kAttempts)) == 0);
        CHECK(changed(with_committed(now(), Slot::b, kAttempts)) == 1);
        CHECK(changed(with_committed(now(), Slot::b, kAttempts)) == 0);
        CHECK(changed(with_refilled(now(), Slot::b, kAttempts)) == 0);   // a commit fills it
        files.set("BOOT_B_LEFT=2\n");                                    // the loader's next boot
        CHECK(changed(with_refilled(now(), Slot::b, kAttempts)) == 1);
    };
    SUBCASE("two copies") {
        UbootFiles files;
        costs(files, true);
    }
    SUBCASE("one copy") {
        OneCopy files;
        costs(files, false);
    }
}

TEST_CASE_FIXTURE(UbootFiles,
                  "with one damaged copy the other one is used, and the next store makes it whole") {
    auto uboot = env();
    for (int damaged : {0, 1}) {
        write(io, uboot, with_refilled(kBothGood, Slot::a, 2));
        damage(damaged);
        auto const known = read(io, uboot);
        CHECK(!known.lost);
        write(io, uboot, with_refilled(known, Slot::a, 4 + damaged));
        damage(1 - damaged);   // now the one that was made whole is all there is
        CHECK(read(io, uboot) == with_refilled(kBothGood, Slot::a, 4 + damaged));
        write(io, uboot, kBothGood);
    }
}

TEST_CASE_FIXTURE(UbootFiles, "flags that go over the top are followed") {
    set("more=1\n");   // now both copies are good
    auto uboot = env();
    put(0, 4, std::string(1, '\xff'));
    put(1, 4, std::string(1, '\xfe'));
    auto state = read(io, uboot);
    for (int left : {4, 5, 6}) {
        state.left_a = left;
        write(io, uboot, state);
        CHECK(variable("BOOT_A_LEFT") == std::to_string(left) + "\n");
    }
    CHECK(flags() == 2);
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

TEST_CASE_FIXTURE(UbootFiles, "an environment that could not be read does not stay locked") {
    auto uboot = env();
    std::filesystem::resize_file(path(0), 100);
    CHECK(!test::run_task(io, uboot.read()).has_value());
    CHECK(!test::run_task(io, uboot.write(kBothGood)).has_value());
    std::filesystem::resize_file(path(0), kSize);
    set("BOOT_ORDER=A\n");   // fw_setenv wants the same lock
    CHECK(read(io, uboot).order == std::vector{Slot::a});
}

TEST_CASE_FIXTURE(UbootFiles, "a missing description of the environment is an error that names it") {
    ota::UbootEnv missing{workers, directory / "nowhere", kAttempts};
    auto const state = test::run_task(io, missing.read());
    REQUIRE(!state);
    CHECK(state.error().context.find("nowhere") != std::string::npos);
}

TEST_CASE_FIXTURE(UbootFiles, "an environment that does not take a store is not reported as written") {
    auto uboot = env();
    auto const before = read(io, uboot);
    {
        FileSizeLimit const full{kSize / 2};
        auto const done = test::run_task(io, uboot.write(with_activated(kBothGood, Slot::b, kAttempts)));
        REQUIRE(!done);
        CHECK(done.error().is(core::Errc::io));
        CHECK(done.error().context.find(path(0).string()) != std::string::npos);
        CHECK(done.error().context.find("could not be written") != std::string::npos);
    }
    CHECK(read(io, uboot) == before);
    write(io, uboot, with_activated(before, Slot::b, kAttempts));   // a later try works
    CHECK(variable("ATOMIX_TRIAL") == "B\n");
}

TEST_CASE_FIXTURE(OneCopy, "the only copy, torn by a store that failed, is begun anew by the next one") {
    auto uboot = env();
    {
        FileSizeLimit const full{8};   // the new checksum, and little more
        auto const done = test::run_task(io, uboot.write(with_activated(kBothGood, Slot::b, kAttempts)));
        CHECK(!done);
    }
    auto const lost = read(io, uboot);
    CHECK(lost.lost);
    write(io, uboot, with_activated(lost, Slot::b, kAttempts));
    CHECK(read(io, uboot).trial == Slot::b);
}

TEST_CASE_FIXTURE(UbootFiles, "a device that is gone is an error that leaves nothing behind") {
    auto uboot = env();
    std::filesystem::remove(path(1));
    std::filesystem::create_directory(path(1));   // cannot be opened for writing, not even by root
    auto const done = test::run_task(io, uboot.write(with_activated(kBothGood, Slot::b, kAttempts)));
    CHECK(!done);
    CHECK(std::filesystem::is_empty(path(1)));
}

TEST_CASE_FIXTURE(UbootFiles, "a counter is read as the loader reads it") {
    struct {
        char const* text;
        int want;
    } const cases[] = {
        {"0", 0},         {"2", 2},     {"1f", 31},      {"1F", 31},
        {"0x2", 2},       {"0XA", 10},  {"00000001", 1}, {"7fffffff", 0x7fffffff},
        {"zz", 3},        {"-1", 3},    {"+1", 3},       {" 1", 3},
        {"1 ", 3},        {"0x", 3},    {"1g", 3},       {"000000001", 3},
        {"100000000", 3}, {"0x0x1", 3},
    };
    auto uboot = env();
    for (auto const& c : cases) {
        CAPTURE(c.text);
        run({"/usr/bin/fw_setenv", "-c", config.string(), "--", "BOOT_B_LEFT", c.text});
        CHECK(read(io, uboot).left_b == c.want);
    }
    run({"/usr/bin/fw_setenv", "-c", config.string(), "BOOT_B_LEFT"});   // absent
    CHECK(read(io, uboot).left_b == kAttempts);
}

TEST_CASE_FIXTURE(UbootFiles, "an order is read as the loader reads it") {
    using Order = std::vector<Slot>;
    struct {
        char const* text;
        Order want;
    } const cases[] = {
        {"A B", {Slot::a, Slot::b}},      {"B", {Slot::b}},
        {"  B   A ", {Slot::b, Slot::a}}, {"x B", {Slot::b}},
        {"B B A B", {Slot::b, Slot::a}},  {"C x", {Slot::a, Slot::b}},
        {"a b", {Slot::a, Slot::b}},      {"AB", {Slot::a, Slot::b}},
    };
    auto uboot = env();
    for (auto const& c : cases) {
        CAPTURE(c.text);
        run({"/usr/bin/fw_setenv", "-c", config.string(), "BOOT_ORDER", c.text});
        CHECK(read(io, uboot).order == c.want);
    }
    run({"/usr/bin/fw_setenv", "-c", config.string(), "BOOT_ORDER"});   // absent
    CHECK(read(io, uboot).order == Order{Slot::a, Slot::b});
}

TEST_CASE_FIXTURE(UbootFiles,
                  "without any variable of ours it is A B with all attempts, and the rest stays") {
    for (auto const* name : {"BOOT_ORDER", "BOOT_A_LEFT", "BOOT_B_LEFT"})
        run({"/usr/bin/fw_setenv", "-c", config.string(), name});
    auto uboot = env();
    CHECK(read(io, uboot) == kBothGood);
    write(io, uboot, with_activated(read(io, uboot), Slot::b, kAttempts));
    CHECK(variable("other") == "kept\n");
    CHECK(variable("BOOT_A_LEFT") == "3\n");
}

TEST_CASE_FIXTURE(UbootFiles, "with both counters at zero a refill keeps the order") {
    set("BOOT_ORDER=B A\nBOOT_A_LEFT=0\nBOOT_B_LEFT=0\n");
    auto uboot = env();
    write(io, uboot, with_refilled(read(io, uboot), Slot::b, kAttempts));
    CHECK(read(io, uboot) == BootState{.order = {Slot::b, Slot::a}, .left_a = 0, .left_b = 3});
}

TEST_CASE_FIXTURE(UbootFiles, "a trial mark that names no slot is none") {
    set("ATOMIX_TRIAL=C\n");
    auto uboot = env();
    CHECK(!read(io, uboot).trial);
}

TEST_CASE("no change ever leaves the loader without a slot to try") {
    BootState const states[] = {
        kBothGood,
        {.order = {}, .left_a = 0, .left_b = 0, .trial = std::nullopt},
        {.order = {Slot::a}, .left_a = 1, .left_b = 0, .trial = Slot::a},
        {.order = {Slot::b}, .left_a = 0, .left_b = 1, .trial = Slot::b},
        {.order = {Slot::a, Slot::b}, .left_a = 3, .left_b = 3, .lost = true},
    };
    for (auto const& state : states)
        for (auto const slot : {Slot::a, Slot::b})
            for (auto const& next :
                 {with_marked_bad(state, slot, kAttempts), with_activated(state, slot, kAttempts),
                  with_committed(state, slot, kAttempts)}) {
                bool bootable = false;
                for (auto const candidate : next.order) bootable |= next.left(candidate) > 0;
                CHECK(bootable);
                CHECK(!next.lost);
            }
}

TEST_CASE("marking a slot bad ends its trial and nobody else's") {
    BootState const on_trial{.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 2, .trial = Slot::b};
    CHECK(with_marked_bad(on_trial, Slot::b, kAttempts) ==
          BootState{.order = {Slot::a}, .left_a = 3, .left_b = 0, .trial = std::nullopt});
    CHECK(with_marked_bad(on_trial, Slot::a, kAttempts).trial == Slot::b);
}
