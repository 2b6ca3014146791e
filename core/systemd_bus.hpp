#pragma once
// A connection to systemd's manager on the event loop: what it says of units, and orders to it.
//
// sd-bus (libsystemd) over the manager's private socket: no dbus-daemon is needed, one that is restarted
// takes nothing away, and systemd sends every unit's changes there without being asked (dbus-manager.c,
// bus_foreach_bus). The connection ends when systemd re-executes itself; then open another one.

#include "core/owned.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "core/units.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

struct sd_bus;
struct sd_bus_message;
struct sd_bus_slot;

namespace core {

inline constexpr char const* kSystemdSocket = "/run/systemd/private";

class SystemdBus final : public Units {
public:
    // `owner`: whose manager it is to be, by the number of the user; another's socket is not used (refused).
    // Other errors: errno's. Nothing has been said yet: that the peer is no systemd is told by the first
    // call. A peer that never stops talking gets its turn like everything else on the loop, and what it says
    // of a unit is kept to a line each; a message may have 128 MiB (libsystemd's bus-internal.h).
    static Result<SystemdBus>
    open(asio::any_io_executor executor, std::filesystem::path const& socket, unsigned owner);
    SystemdBus(SystemdBus&&) noexcept;
    SystemdBus& operator=(SystemdBus&&) noexcept;
    ~SystemdBus() override;

    Result<void> watch(std::string const& unit) override;
    Task<Result<void>> changed() override;
    Task<Result<UnitState>> state(std::string unit) override;
    Task<Result<void>> start(std::string unit) override;
    Task<Result<void>> restart(std::string unit) override;
    Task<Result<void>> stop(std::string unit) override;
    Task<Result<void>> reload() override;

private:
    using Bus = std::shared_ptr<sd_bus>;
    using Message = std::shared_ptr<sd_bus_message>;
    using Slot = std::shared_ptr<sd_bus_slot>;

    SystemdBus(asio::any_io_executor executor, Bus bus);
    Result<void> match(char const* path, char const* interface, char const* member, Slot& slot);
    Task<Result<void>> step();
    Task<void> ready(asio::posix::stream_descriptor::wait_type what);
    Task<Result<Message>> answer(Message call, std::uint64_t limit_us);
    Task<Result<void>> order(char const* method, std::string unit, char const* mode);

    Bus bus_;
    std::unique_ptr<asio::posix::stream_descriptor> descriptor_;
    std::unique_ptr<bool> changed_ = std::make_unique<bool>(false);   // libsystemd keeps its address
    Slot reloaded_;
    std::map<std::string, Slot> watched_;
};

}   // namespace core
