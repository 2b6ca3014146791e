#pragma once
// Containers at run time: what the operator's document wants is made Quadlet files, systemd's units and,
// by those, podman's containers; rootful ones of the system's manager, rootless ones of the app user's. Facts
// of all of it go to the state.
//
// This program owns the files and nothing else: containers go on without it, and systemd restarts them.
// Looked at after each change that systemd tells, and every minute; in a trial at its interval. Volumes and
// images are never removed here: the other slot may need them.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/progress.hpp"
#include "core/systemd_bus.hpp"
#include "health/app_user.hpp"
#include "health/container_facts.hpp"
#include "health/container_units.hpp"
#include "health/podman.hpp"

#include <array>
#include <functional>
#include <memory>

namespace health {

class ContainerHost {
public:
    struct Settings {
        config::Containers wanted;
        std::vector<QuadletFile> files;   // of `wanted`
        // Keep: the operator's document is refused, so nobody here knows what else it wants.
        LeftOver left_over = LeftOver::remove;
        std::string app_user;
        std::filesystem::path rootful_units;
        std::filesystem::path rootless_units;   // <uid>/ is below
        std::filesystem::path data;
        std::filesystem::path run;   // does not survive a boot
        std::filesystem::path podman_socket;
        core::Duration trial_interval{};
        std::filesystem::path systemd = core::kSystemdSocket;
        std::filesystem::path users = kUserRuntime;   // <uid>/systemd/private is below, and podman's socket
    };
    struct Acts {
        std::function<Result<std::unique_ptr<core::Units>>(core::asio::any_io_executor executor,
                                                           std::filesystem::path socket,
                                                           unsigned owner)>
            connect;
        std::function<Task<Result<std::vector<PodmanContainer>>>(std::filesystem::path socket,
                                                                 unsigned owner)>
            containers;
        std::function<Result<AppUser>(std::string const& name)> find_user = find_app_user;
    };

    ContainerHost(core::Clock& clock,
                  core::Progress& progress,
                  core::StateBus& state,
                  core::Writer<&core::DeviceState::containers> containers,
                  core::Log log,
                  Settings settings,
                  Acts acts);

    // Never ends. Busy as "containers" while it looks and asks.
    Task<void> run();

private:
    // What belongs to one owner.
    struct Side {
        char const* who;
        unsigned uid = 0;      // who must serve its sockets
        bool needed = false;   // as it was found when it was looked at last
        ContainerUnits units;
        std::unique_ptr<core::Units> bus;
        std::filesystem::path podman_socket;
        std::string problem;   // why nothing can be done; empty: it can
        unsigned failures = 0;
        core::TimePoint not_before{};   // of the next attempt after those
        bool is_starting = false;       // that is the problem: it is no failure, and systemd's news ends it
        std::optional<std::vector<PodmanContainer>> podman;
        std::string podman_error;
        unsigned socket_starts = 0;   // of podman.socket, in a row
    };

    Task<void> look_and_ask();
    Task<void> look();
    Task<void> look_at(Side& side);
    Task<Result<void>> look_as_root();
    Task<Result<void>> look_as_user();
    Task<Result<void>> enter_user(AppUser user);
    Task<Result<void>> start_if_down(std::string unit);   // one of the system's
    Task<Result<void>> connect(Side& side, std::filesystem::path socket);
    Task<void> ask_podman();
    Task<void> ask_podman(Side& side);
    Task<void> news();
    Task<void> changes(Side& side);
    Task<void> either_changes();
    Task<void> phase_changes(bool trial);
    Task<void> phase_changes_or(std::optional<core::TimePoint> time);
    void failed(Side& side, core::Error why);
    void tell();
    void follow(config::ContainerUnit const& wish, core::Containers& told);
    bool is_needed(Side const& side) const;   // by the files that are there
    bool asks_podman(Side const& side) const;
    bool in_trial() const;
    std::optional<core::TimePoint> next_time() const;

    core::Clock& clock_;
    core::Progress& progress_;
    core::StateBus& state_;
    core::Writer<&core::DeviceState::containers> containers_;
    core::Log log_;
    Settings settings_;
    Acts acts_;
    Side root_, user_;
    std::optional<AppUser> app_user_;
    std::map<std::string, core::Service> services_;   // of each container, by its name
    std::map<std::string, core::UnitState> seen_;
    UnitStates asked_at_states_;   // when podman was asked last
    core::TimePoint podman_due_{};
};

}   // namespace health
