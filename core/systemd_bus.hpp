#pragma once
// A connection to systemd's manager on the event loop: what it says of units, and orders to it.
//
// sd-bus (libsystemd) over the manager's private socket: no dbus-daemon is needed, one that is restarted
// takes nothing away, and systemd sends every unit's changes there without being asked (dbus-manager.c,
// bus_foreach_bus). The connection ends when systemd re-executes itself; then open another one.
//
// Not for two tasks at once.

#include "core/owned.hpp"
#include "core/result.hpp"
#include "core/systemd_unit.hpp"
#include "core/task.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

struct sd_bus;
struct sd_bus_message;
struct sd_bus_slot;

namespace core {

inline constexpr char const* kSystemdSocket = "/run/systemd/private";

class SystemdBus {
public:
    // Errors: errno's. Nothing has been said yet: that the peer is no systemd is told by the first call.
    static Result<SystemdBus> open(asio::any_io_executor executor, std::filesystem::path const& socket);
    SystemdBus(SystemdBus&&) noexcept;
    SystemdBus& operator=(SystemdBus&&) noexcept;
    ~SystemdBus();

    // From now on changed() tells of changes of this unit.
    Result<void> watch(std::string const& unit);
    // Returns when a watched unit, or the set of unit files, has changed since it returned last. It tells
    // more often than there is a difference: look at state(). Fails when the connection has ended.
    Task<Result<void>> changed();

    // A unit that is not there has a state as well. Errors: errno's, unreachable (also after 10 s without an
    // answer).
    Task<Result<UnitState>> state(std::string unit);

    // Ask for a job, and do not wait for its end; one that contradicts a job that waits is refused.
    // Errors: those of state(), and refused, with systemd's words.
    Task<Result<void>> start(std::string unit);
    Task<Result<void>> restart(std::string unit);

private:
    using Bus = std::shared_ptr<sd_bus>;
    using Message = std::shared_ptr<sd_bus_message>;
    using Slot = std::shared_ptr<sd_bus_slot>;

    SystemdBus(asio::any_io_executor executor, Bus bus);
    Result<void> match(char const* path, char const* interface, char const* member, Slot& slot);
    Task<Result<void>> step();
    Task<void> ready(asio::posix::stream_descriptor::wait_type what);
    Task<Result<Message>> answer(Message call);
    Task<Result<void>> order(char const* method, std::string unit);

    Bus bus_;
    std::unique_ptr<asio::posix::stream_descriptor> descriptor_;
    std::unique_ptr<bool> changed_ = std::make_unique<bool>(false);   // libsystemd keeps its address
    Slot reloaded_;
    std::map<std::string, Slot> watched_;
};

}   // namespace core
