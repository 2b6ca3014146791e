#include "ota/power_cut_device.hpp"

#include "core/owned.hpp"
#include "ota/life_cycle.hpp"
#include "ota/power_cut_loader.hpp"
#include "ota/running_version.hpp"
#include "ota/uboot_env.hpp"
#include "support/fake_board.hpp"
#include "support/hurried_clock.hpp"
#include "support/log_lines.hpp"
#include "support/memory_http.hpp"
#include "support/run_task.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace test {

using core::Phase;
using core::Slot;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kSector = 512;
constexpr std::size_t kBootSize = 64 * 1024;
constexpr std::size_t kRootfsSize = 256 * 1024;
constexpr std::size_t kSlack = 4 * 1024;   // of a slot, behind the image
constexpr std::size_t kEnvSize = 0x2000;
constexpr int kAttempts = 3;
constexpr char const* kFailing = "wan_lease";   // also before the update
constexpr std::size_t kMostSleeps = 500;        // in one boot, of a task that goes in circles

// Several pieces, and the boot image is complete before the last one: its record is written, and a device
// that was cut off later resumes from it.
constexpr std::size_t kPiece = 64 * 1024;

Images images(unsigned seed) {
    Images made{.boot = noise(kBootSize, seed), .rootfs = noise(kRootfsSize, seed + 1)};
    for (std::size_t i = 0; i < 16 * 1024; ++i) made.rootfs[i + 200 * 1024] = "compressible"[i % 12];
    made.rootfs.replace(224 * 1024, 16 * 1024, 16 * 1024, '\0');
    return made;
}

ota::Installed installed(Images const& made, std::string version, std::uint64_t index) {
    return {.version = std::move(version),
            .manifest_hash = core::sha256(made.boot),
            .boot = core::sha256(made.boot),
            .rootfs = core::sha256(made.rootfs),
            .issued = {},
            .index = index};
}

std::string lower(Slot slot) {
    return slot == Slot::a ? "a" : "b";
}
fs::path boot_of(fs::path const& device, Slot slot) {
    return device / ("boot-" + lower(slot));
}
fs::path rootfs_of(fs::path const& device, Slot slot) {
    return device / ("rootfs-" + lower(slot));
}

void must(core::Result<void> const& done) {
    if (!done) throw std::runtime_error{done.error().text()};
}

struct Server final : core::HttpClient {
    MemoryHttp offer;
    MemoryHttp bundle;
    Server() {
        offer.file = R"({"version": "2.1", "bundle_url": "https://updates.test/x.raucb"})";
        bundle.file = releases().bundle;
    }
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override {
        return request.url.ends_with("/updates/latest") ? offer.open(std::move(request))
                                                        : bundle.open(std::move(request));
    }
};

// Into what is there, so that thousands of times cost little.
void overwrite(fs::path const& file, std::string const& bytes) {
    core::OwnedFd const fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    auto const size = static_cast<::off_t>(bytes.size());
    if (!fd || ::pwrite(fd.get(), bytes.data(), bytes.size(), 0) != size || ::ftruncate(fd.get(), size) != 0)
        throw std::runtime_error{"cannot write " + file.string()};
}

std::string first_bytes(fs::path const& file, std::size_t size) {
    core::OwnedFd const fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    std::string bytes(size, '\0');
    if (!fd || ::pread(fd.get(), bytes.data(), size, 0) != static_cast<::ssize_t>(size))
        throw std::runtime_error{"cannot read " + file.string()};
    return bytes;
}

// What one boot constructs, as main.cpp does.
struct Atomixd {
    core::asio::io_context io;
    HurriedClock clock;
    core::Workers workers{1};
    FakeBoard board;
    std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
    core::Log log{lines, "ota"};
    ota::Books books;
    core::StateBus state;
    core::Writer<&core::DeviceState::update> update{state};
    core::Writer<&core::DeviceState::health> health{state};
    ota::UpdateSettings settings;
    ota::UbootEnv env;
    ota::Settlement settlement;
    ota::UpdateTask updates;
    ota::LifeCycle life_cycle;

    Atomixd(fs::path const& device,
            fs::path const& fw_env_config,
            core::HttpClient& server,
            Slot slot,
            std::string const& boot_id)
        : books{device / "state"},
          state{io.get_executor(),
                core::DeviceState{.identity = {.version = ota::running_version(books, slot, "/nowhere"),
                                               .slot = slot,
                                               .boot_id = boot_id}}},
          settings{.compatible = "test-box",
                   .signers = {.keyring = trusted_pki().keyring},
                   .slot_a = {boot_of(device, Slot::a), rootfs_of(device, Slot::a)},
                   .slot_b = {boot_of(device, Slot::b), rootfs_of(device, Slot::b)},
                   .attempts = kAttempts,
                   .poll = {.interval = std::chrono::hours{1}, .first = std::chrono::minutes{5}},
                   .server_url = "https://updates.test",
                   .flags = device / "config",
                   .checkpoint_every = 1,
                   .checkpoint_pause = {},
                   .piece_size = kPiece},
          env{workers, fw_env_config, kAttempts},
          settlement{clock, env, books, update, log, kAttempts, boot_id},
          updates{clock,
                  server,
                  workers,
                  board,
                  env,
                  books,
                  state,
                  update,
                  log,
                  settings,
                  {.clock_is_synchronised = []() -> core::Task<bool> { co_return true; },
                   .baseline = []() -> core::Task<core::Baseline> {
                       co_return core::Baseline{{kFailing}, {}};
                   },
                   .chance = [] { return 0.5; }}},
          life_cycle{clock, workers, board, env, books, settlement, updates, state, update, log, settings} {
        board.slot = slot;
        board.id = boot_id;
    }

    // Nothing is under way, and a poll has said why there is nothing to do.
    bool is_quiet() const {
        auto const& now = state.now().update;
        bool const is_over =
            now.phase == Phase::idle || now.phase == Phase::committed || now.phase == Phase::rolled_back;
        return is_over && !now.last_poll.empty() && !now.note.empty() && now.error.empty();
    }
    std::string run(core::Verdict verdict, CutDevice::Boot& boot);
};

// Empty, or why it came to no end.
std::string Atomixd::run(core::Verdict verdict, CutDevice::Boot& boot) {
    core::asio::cancellation_signal stop;
    bool ended = false;
    std::exception_ptr failed;
    core::asio::co_spawn(io, life_cycle.run(),
                         core::asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr thrown) {
                             ended = true;
                             failed = thrown;
                         }));
    std::string stuck;
    while (stuck.empty() && !ended && board.reboots.empty() && !is_quiet()) {
        if (state.now().update.phase == Phase::trial && !boot.was_trial) {
            boot.was_trial = true;
            boot.has_baseline = state.now().update.baseline.failing == std::vector<std::string>{kFailing};
            health.set({.verdict = verdict, .reason = "dns: silent"});
        }
        if (io.run_one_for(std::chrono::seconds{20}) == 0)
            stuck = std::string{"waits for ever in phase "} + core::name(state.now().update.phase);
        else if (clock.sleeps.size() > kMostSleeps)
            stuck = "goes in circles, its error is: " + state.now().update.error;
    }
    if (ended && stuck.empty()) stuck = "the life cycle ended";
    stop.emit(core::asio::cancellation_type::terminal);
    while (!ended && io.run_one_for(std::chrono::seconds{20}) > 0) {}
    return stuck;
}

}   // namespace

Releases const& releases() {
    static auto const all = [] {
        Releases made{
            .older = images(10), .old = images(20), .fresh = images(30), .bundle = {}, .installed = {}};
        auto const text = manifest_for(made.fresh) + "[meta.atomix]\nindex=10\n";
        made.bundle = own_bundle(squashfs_of(made.fresh, "-b 65536 -no-fragments"), text);
        MemoryHttp server;
        server.file = made.bundle;
        core::asio::io_context io;
        ota::BundleSource source{.url = "https://updates.test/x.raucb",
                                 .judge_at = HurriedClock{}.wall_now()};
        auto const head =
            run_task(io, ota::fetch_head(server, std::move(source), {.keyring = trusted_pki().keyring}));
        if (!head) throw std::runtime_error{head.error().text()};
        made.installed = ota::installed(head->manifest, head->manifest_hash);
        return made;
    }();
    return all;
}

CutDevice::Directory::Directory() {
    auto const memory = fs::path{"/dev/shm"};
    auto const parent = ::access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path();
    auto pattern = (parent / "atomix-test.XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error{"no directory below " + parent.string()};
    path_ = fs::canonical(pattern);
}

CutDevice::Directory::~Directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

CutDevice::CutDevice() {
    std::string places;
    for (auto const* copy : {"env-0", "env-1"}) places += (path() / copy).string() + " 0x0 0x2000\n";
    write_whole(beside_.path() / "fw_env.config", places);
}

Tree CutDevice::before_update(Slot running) const {
    CutDevice device;
    auto const& at = device.path();
    auto const spare = core::other(running);
    auto const fill = [&](Slot slot, Images const& with) {
        write_whole(boot_of(at, slot), with.boot + std::string(kSlack, 'x'));
        write_whole(rootfs_of(at, slot), with.rootfs + std::string(kSlack, 'x'));
    };
    fill(running, releases().old);
    fill(spare, releases().older);
    for (auto const* copy : {"env-0", "env-1"}) write_whole(at / copy, std::string(kEnvSize, '\xff'));
    auto const both = std::string{core::name(running)} + " " + core::name(spare);
    write_whole(device.beside_.path() / "variables",
                "BOOT_ORDER=" + both + "\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\nother=kept\n");
    write_whole(device.beside_.path() / "empty", "");
    must_run(device.beside_.path(), "fw_setenv -c fw_env.config -f empty -s variables &&"
                                    " fw_setenv -c fw_env.config -s variables");
    fs::create_directory(at / "state");
    auto const old = installed(releases().old, "1.0.0", 9);
    auto books = device.books();
    must(books.set(
        ota::Committed{.last = running,
                       .bundles = {{running, old}, {spare, installed(releases().older, "0.9.0", 8)}},
                       .floor = 9}));
    must(books.set(ota::UpdateRecord{
        .phase = Phase::committed, .target = running, .bundle = old, .boot_id = "boot-before"}));
    must(books.set(ota::Ledger{{{.bundle = installed(images(40), "1.0.1", 9), .reason = "ntp: silent"}}}));
    must(books.set(ota::History{{{.committed = true,
                                  .slot = running,
                                  .version = "1.0.0",
                                  .reason = "held",
                                  .boot_id = "boot-before"}}}));
    return device.get();
}

void CutDevice::put(Tree const& tree) {
    for (auto const& entry : fs::directory_iterator{path()})
        if (!entry.is_directory() && !tree.contains(entry.path().filename())) fs::remove(entry);
    fs::remove_all(path() / "state");
    fs::create_directory(path() / "state");
    for (auto const& [name, content] : tree) overwrite(path() / name, *content);
}

Tree CutDevice::get() const {
    Tree tree;
    for (auto const& entry : fs::recursive_directory_iterator{path()})
        if (entry.is_regular_file())
            tree[entry.path().lexically_relative(path())] =
                std::make_shared<std::string const>(read_whole(entry.path()));
    return tree;
}

bool CutDevice::can_load(Slot slot) const {
    return first_bytes(boot_of(path(), slot), kSector) != std::string(kSector, '\0');
}

Holds CutDevice::holds(Slot slot) const {
    if (!can_load(slot)) return Holds::nothing;
    auto const boot = first_bytes(boot_of(path(), slot), kBootSize);
    auto const rootfs = first_bytes(rootfs_of(path(), slot), kRootfsSize);
    auto const is = [&](Images const& made) { return boot == made.boot && rootfs == made.rootfs; };
    if (is(releases().older)) return Holds::older;
    if (is(releases().old)) return Holds::old;
    return is(releases().fresh) ? Holds::fresh : Holds::a_mixture;
}

std::string CutDevice::variable(std::string const& name) const {
    return LoaderRules{beside_.path() / "fw_env.config"}.get(name);
}

CutDevice::Boot CutDevice::power_cycle(core::Verdict verdict) {
    LoaderRules const loader{beside_.path() / "fw_env.config"};
    auto const slot = loader.power_cycle([this](Slot tried) { return can_load(tried); });
    if (!slot) return {};
    return run(*slot, verdict);
}

CutDevice::Boot CutDevice::run(Slot slot, core::Verdict verdict) {
    Boot boot{.slot = slot, .holds = holds(slot)};
    static Server server;   // remembers nothing of those who asked before
    server.offer.requests.clear();
    server.bundle.requests.clear();
    Atomixd atomixd{path(), beside_.path() / "fw_env.config", server, slot,
                    "boot-" + std::to_string(++boots_)};
    boot.stuck = atomixd.run(verdict, boot);
    boot.is_quiet = atomixd.board.reboots.empty();
    boot.version = atomixd.state.now().identity.version;
    auto const& update = atomixd.state.now().update;
    boot.problems = update.problems;
    boot.has_resumed = update.total_bytes > 0 && update.done_bytes == update.total_bytes &&
                       update.fetched_bytes < update.total_bytes;
    boot.log = std::move(atomixd.lines->lines);
    return boot;
}

}   // namespace test
