#pragma once
// The ServiceHost of the product: service "dnsmasq" is atomix-dnsmasq.service, systemd's and not our child.
// It was started at boot, goes on whatever happens to this program, and is restarted only when it was started
// with another configuration than is wanted.
//
// What it was started with is the unit's word: its first ExecStartPre copies the files that the program will
// read, in the order of ServiceSpec::configuration, to <run>/<name>.started. So a configuration that was
// replaced by a program that died before the restart is noticed by the next one.
//
// What is run is the unit's ExecStart. ServiceSpec::argv, which follows device.yaml, is compared with it and
// a difference is logged: the paths, and chronyd's -x (set_clock, /etc/atomix/chronyd.env), are the image's
// to write down twice.
//
// Units that others own can be observed: their state is told as a service's, and nothing is ordered.
//
// Restarts: systemd's, every 2 s and for ever, also without this program. A service that ended after a run
// of at least that long is restarted at once by this program; one that somebody stopped, after 1, 2, 4 … 60
// s.

#include "core/backoff.hpp"
#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/progress.hpp"
#include "core/service_host.hpp"
#include "core/systemd_bus.hpp"
#include "core/systemd_unit.hpp"

#include <boost/asio/steady_timer.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

namespace core {

class SystemdHost final : public ServiceHost {
public:
    // `run_directory`: where the units leave their word. Watched as the task "services".
    SystemdHost(Clock& clock,
                Progress& progress,
                Writer<&DeviceState::services> services,
                Log log,
                std::filesystem::path run_directory,
                std::filesystem::path socket = kSystemdSocket);

    // `unit`, "name.service", is told of as the service "unit:name.service". Before run().
    void observe(std::string const& unit) { observed_[unit]; }
    void want(ServiceSpec spec) override;
    Task<void> run() override;

private:
    struct Kept {
        ServiceSpec spec;
        UnitState seen;
        UnitPast past;
        std::string checked;            // the invocation that check_run() has seen
        std::string refused;            // systemd's words, when it did not take the last order
        unsigned starts_in_a_row = 0;   // that were asked for
        TimePoint ordered{};
        std::optional<TimePoint> not_before;   // of the next order
    };

    Task<Error> serve();
    Task<Result<void>> look(SystemdBus& bus, std::string name);
    Task<Result<void>> look_only(SystemdBus& bus, std::string unit);
    Task<Result<void>> give(SystemdBus& bus, std::string name, UnitOrder order);
    Task<void> other_wish(unsigned wishes);
    Task<void> other_wish_or_time(unsigned wishes);
    Service told(std::string const& name) const;
    void tell(std::string const& name, UnitState now);
    void tell(std::string const& name, Service after);
    void tell_unknown(std::string const& why);
    void check_run(Kept& kept) const;
    static void postpone(Kept& kept, TimePoint until);
    std::filesystem::path record_of(std::string const& name) const;

    Clock& clock_;
    Progress& progress_;
    Writer<&DeviceState::services> services_;
    Log log_;
    std::filesystem::path run_directory_;
    std::filesystem::path socket_;
    std::map<std::string, Kept> kept_;
    std::map<std::string, UnitState> observed_;     // as seen last
    unsigned wishes_ = 0;                           // how many there were
    std::shared_ptr<asio::steady_timer> changed_;   // rings never; cancelled with each wish
};

}   // namespace core
