#include "health/container_host.hpp"

#include "core/race.hpp"

#include <algorithm>

namespace health {

using core::Level;

namespace {

constexpr core::Backoff kConnections{.first = std::chrono::milliseconds{500},
                                     .most = std::chrono::seconds{10},
                                     .forget_after = std::chrono::seconds{10}};
constexpr auto kLookInterval = std::chrono::minutes{1};
constexpr auto kLookSettles = std::chrono::milliseconds{100};   // a burst of changes is one look
constexpr auto kSocketStart = std::chrono::seconds{1};          // of podman.socket, until it is asked again
// Of a look at all of them. Each call has a limit of its own, 90 s for systemd's reading of its files, of
// which a look may need three for each owner.
constexpr auto kLookLimit = std::chrono::minutes{15};
constexpr auto kForEver = std::chrono::hours{24};
constexpr char const* kPodmanSocketUnit = "podman.socket";
// Quadlet has a user's containers wait for it up to 90 s, and starts it for root's alone.
constexpr char const* kOnline = "network-online.target";

std::vector<QuadletFile> of(ContainerOwner owner, std::vector<QuadletFile> const& files) {
    std::vector<QuadletFile> own;
    std::ranges::copy_if(files, std::back_inserter(own),
                         [&](auto const& file) { return file.owner == owner; });
    return own;
}

bool holds_ours(std::filesystem::path const& directory) {
    auto const there = read_unit_files(directory);
    // What cannot be read is looked at: then there is an error to tell.
    return !there || std::ranges::any_of(
                         *there, [](auto const& file) { return service_of_ours(file.text).has_value(); });
}

}   // namespace

ContainerHost::ContainerHost(core::Clock& clock,
                             core::Progress& progress,
                             core::StateBus& state,
                             core::Writer<&core::DeviceState::containers> containers,
                             core::Log log,
                             Settings settings,
                             Acts acts)
    : clock_{clock},
      progress_{progress},
      state_{state},
      containers_{containers},
      log_{std::move(log)},
      settings_{std::move(settings)},
      acts_{std::move(acts)},
      root_{.who = "the system",
            .units = {clock, log_, of(ContainerOwner::system, settings_.files), settings_.left_over},
            .podman_socket = settings_.podman_socket},
      user_{.who = "the app user",
            .units = {clock, log_, of(ContainerOwner::app_user, settings_.files), settings_.left_over}} {}

bool ContainerHost::in_trial() const {
    return state_.now().update.phase == core::Phase::trial;
}

// Wanted, or left over: the app user's are kept by its manager, which must be there.
bool ContainerHost::is_needed(Side const& side) const {
    if (side.units.has_wanted()) return true;
    if (&side == &root_) return holds_ours(settings_.rootful_units);
    return app_user_ && holds_ours(settings_.rootless_units / std::to_string(app_user_->uid));
}

void ContainerHost::failed(Side& side, core::Error why) {
    auto text = why.text();
    if (text != side.problem && !side.is_starting)
        log_(Level::warning, "containers cannot be looked after, will retry",
             {{"of", side.who}, {"why", text}});
    side.problem = std::move(text);
    side.bus.reset();
    side.podman.reset();
    // systemd tells when it has started.
    auto const pause = side.is_starting ? kConnections.most : kConnections.pause(++side.failures);
    side.not_before = clock_.now() + pause;
}

Task<Result<void>> ContainerHost::connect(Side& side, std::filesystem::path socket) {
    if (side.bus) co_return Result<void>{};
    auto bus = acts_.connect(co_await core::asio::this_coro::executor, std::move(socket), side.uid);
    if (!bus) co_return bus.error();
    side.bus = std::move(*bus);
    podman_due_ = clock_.now();   // what it said before is not kept
    co_return Result<void>{};
}

Task<Result<void>> ContainerHost::look_as_root() {
    if (auto ok = make_storage(settings_.data); !ok) co_return ok;
    if (auto ok = co_await connect(root_, settings_.systemd); !ok) co_return ok;
    ContainerUnits::Places places{
        .files = settings_.rootful_units, .unread = settings_.run / "containers-unread", .readers = {}};
    co_return co_await root_.units.look(*root_.bus, std::move(places));
}

Task<Result<void>> ContainerHost::start_if_down(std::string unit) {
    auto const state = co_await root_.bus->state(unit);
    if (!state) co_return state.error();
    if (!core::is_down(*state)) co_return Result<void>{};
    auto const taken = co_await root_.bus->start(unit);
    if (!taken) co_return fail(taken, "starting " + unit);
    co_return Result<void>{};
}

// The app user's manager, which logind's units make a place for: started when it is not there. Its containers
// wait for the network as well: both are asked for at once.
Task<Result<void>> ContainerHost::enter_user(AppUser user) {
    if (user_.bus) co_return Result<void>{};
    if (auto ok = co_await connect(root_, settings_.systemd); !ok) co_return ok;
    auto const unit = "user@" + std::to_string(user.uid) + ".service";
    if (auto ok = root_.bus->watch(unit); !ok) co_return ok;
    if (auto ok = co_await start_if_down(unit); !ok) co_return ok;
    if (auto ok = co_await start_if_down(kOnline); !ok) co_return ok;
    auto const manager = co_await root_.bus->state(unit);
    if (!manager) co_return manager.error();
    if (manager->active != "active") {
        user_.is_starting = !core::is_down(*manager);
        auto const why = user_.is_starting ? " is starting" : " does not run yet: systemctl status " + unit;
        co_return core::fail(core::Errc::unreachable, unit + why);
    }
    co_return co_await connect(user_, settings_.users / std::to_string(user.uid) / "systemd" / "private");
}

Task<Result<void>> ContainerHost::look_as_user() {
    auto const user = acts_.find_user(settings_.app_user);
    if (!user) co_return user.error();
    app_user_ = *user;
    auto const uid = std::to_string(user->uid);
    user_.uid = user->uid;
    user_.podman_socket = podman_socket_of(user->uid, settings_.users);
    if (auto ok = make_storage(settings_.data); !ok) co_return ok;
    if (auto ok = make_storage_of(settings_.data, *user); !ok) co_return ok;
    if (auto ok = co_await enter_user(*user); !ok) co_return ok;
    ContainerUnits::Places places{.files = settings_.rootless_units / uid,
                                  .unread = settings_.run / "containers-unread-by-the-app-user",
                                  .readers = {.group = user->gid}};
    co_return co_await user_.units.look(*user_.bus, std::move(places));
}

Task<void> ContainerHost::look_at(Side& side) {
    side.needed = is_needed(side);
    if (!side.needed || (clock_.now() < side.not_before && !side.is_starting)) co_return;
    side.is_starting = false;
    Result<void> looked;
    if (&side == &root_)
        looked = co_await look_as_root();
    else
        looked = co_await look_as_user();
    if (!looked) {
        failed(side, looked.error());
        co_return;
    }
    side.problem.clear();
    side.failures = 0;
    side.not_before = {};
}

Task<void> ContainerHost::look() {
    co_await look_at(root_);
    co_await look_at(user_);
}

Task<void> ContainerHost::look_and_ask() {
    co_await look();
    co_await ask_podman();
}

bool ContainerHost::asks_podman(Side const& side) const {
    bool const rootful = &side == &root_;
    return side.bus && std::ranges::any_of(settings_.wanted.units, [&](config::ContainerUnit const& wish) {
               return wish.kind == config::ContainerUnitKind::container && wish.privileged == rootful;
           });
}

Task<void> ContainerHost::ask_podman(Side& side) {
    auto const socket = co_await side.bus->state(kPodmanSocketUnit);
    if (!socket) {
        failed(side, socket.error());
        co_return;
    }
    if (core::is_down(*socket)) {
        side.podman.reset();
        if (socket->load != "loaded") {
            side.podman_error = "systemd knows no podman.socket: install podman";
            co_return;
        }
        side.podman_error = "podman.socket is not active: systemctl status podman.socket says why";
        auto const taken = co_await side.bus->start(kPodmanSocketUnit);
        if (!taken) side.podman_error = taken.error().text();
        if (side.socket_starts++ == 0) podman_due_ = std::min(podman_due_, clock_.now() + kSocketStart);
        co_return;
    }
    side.socket_starts = 0;
    auto asked = co_await acts_.containers(side.podman_socket, side.uid);
    side.podman_error = asked ? "" : asked.error().text();
    side.podman.reset();
    if (asked) side.podman = std::move(*asked);
}

// When it is time, and after each change of a unit.
Task<void> ContainerHost::ask_podman() {
    auto states = root_.units.states();
    states.insert(user_.units.states().begin(), user_.units.states().end());
    if (clock_.now() < podman_due_ && states == asked_at_states_) co_return;
    asked_at_states_ = std::move(states);
    core::Duration pause = kLookInterval;
    if (in_trial()) pause = settings_.trial_interval;
    podman_due_ = clock_.now() + pause;
    for (auto* side : {&root_, &user_})
        if (asks_podman(*side)) co_await ask_podman(*side);
}

void ContainerHost::follow(config::ContainerUnit const& wish, core::Containers& told) {
    auto const& side = wish.privileged ? root_ : user_;
    auto const service = wish.name + ".service";
    bool const is_required =
        std::ranges::find(settings_.wanted.required, wish.name) != settings_.wanted.required.end();
    std::optional<core::UnitState> unit;
    auto const found = side.units.states().find(service);
    if (side.problem.empty() && found != side.units.states().end()) {
        unit = found->second;
        auto& followed = services_[wish.name];
        followed = core::service_after(followed, service, seen_[wish.name], *unit);
        seen_[wish.name] = *unit;
    }
    auto facts = container_facts(wish, is_required, services_[wish.name], unit, side.problem, side.podman);
    auto const before = containers_.now().known.find(wish.name);
    auto const was = before == containers_.now().known.end() ? core::Container{} : before->second;
    if (facts.unit == "active" && was.unit != "active")
        log_(Level::info, "container runs", {{"container", wish.name}, {"starts", facts.starts}});
    else if (!facts.error.empty() && facts.error != was.error)
        log_(Level::warning, "container does not run", {{"container", wish.name}, {"why", facts.error}});
    told.known.emplace(wish.name, std::move(facts));
}

void ContainerHost::tell() {
    core::Containers told{.applied = true, .warnings = settings_.wanted.warnings};
    for (auto const& wish : settings_.wanted.units)
        if (wish.kind == config::ContainerUnitKind::container) follow(wish, told);
    for (auto* side : {&root_, &user_}) {
        if (!side->needed) continue;
        told.applied = told.applied && side->problem.empty() && side->units.as_wanted();
        if (!side->problem.empty()) told.errors.push_back(side->problem);
        auto const& errors = side->units.errors();
        told.errors.insert(told.errors.end(), errors.begin(), errors.end());
        (side == &root_ ? told.rootful_podman_error : told.rootless_podman_error) = side->podman_error;
    }
    containers_.set(std::move(told));
}

Task<void> ContainerHost::changes(Side& side) {
    if (!side.bus) {
        co_await clock_.sleep_for(kForEver);
        co_return;
    }
    auto const changed = co_await side.bus->changed();
    if (!changed) failed(side, changed.error());
}

Task<void> ContainerHost::either_changes() {
    auto root = changes(root_), user = changes(user_);
    (void)co_await core::ends_before(std::move(root), std::move(user));
}

Task<void> ContainerHost::phase_changes(bool trial) {
    while (in_trial() == trial) {
        auto const seen = state_.get();
        co_await state_.changed_from(seen);
    }
    podman_due_ = clock_.now();
}

std::optional<core::TimePoint> ContainerHost::next_time() const {
    std::optional<core::TimePoint> next;
    auto const take = [&](core::TimePoint time) {
        if (!next || time < *next) next = time;
    };
    for (auto const* side : {&root_, &user_}) {
        if (!side->needed) continue;
        if (!side->problem.empty())
            take(side->not_before);
        else if (auto const time = side->units.next())
            take(*time);
        if (asks_podman(*side)) take(podman_due_);
    }
    return next;
}

Task<void> ContainerHost::phase_changes_or(std::optional<core::TimePoint> time) {
    auto phase = phase_changes(in_trial());
    auto over = clock_.sleep_until(time.value_or(clock_.now() + kForEver));
    (void)co_await core::ends_before(std::move(phase), std::move(over));
}

// Until there is a reason to look again.
Task<void> ContainerHost::news() {
    auto change = either_changes();
    auto other = phase_changes_or(next_time());
    if (co_await core::ends_before(std::move(change), std::move(other)))
        co_await clock_.sleep_for(kLookSettles);
}

Task<void> ContainerHost::run() {
    // Also where nothing is wanted: files of its containers may be left over.
    if (auto const user = acts_.find_user(settings_.app_user)) app_user_ = *user;
    for (auto* side : {&root_, &user_}) side->needed = is_needed(*side);
    tell();   // which there are to be
    for (;;) {
        co_await core::watched(progress_, "containers", "looking at systemd's units and podman's containers",
                               kLookLimit, look_and_ask());
        tell();
        co_await news();
    }
}

}   // namespace health
