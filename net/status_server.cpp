#include "net/status_server.hpp"

#include "core/race.hpp"
#include "core/result.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace net {
namespace {

namespace asio = core::asio;
using boost::system::error_code;
using core::Level;
using core::Task;
using Tcp = asio::ip::tcp;

constexpr std::size_t kMostClients = 32;
constexpr auto kPauseAfterError = std::chrono::seconds{1};

error_code set_option(Tcp::acceptor& acceptor, int level, int option, void const* value, std::size_t size) {
    int const failed =
        ::setsockopt(acceptor.native_handle(), level, option, value, static_cast<socklen_t>(size));
    return failed ? error_code{errno, boost::system::system_category()} : error_code{};
}

core::Result<Tcp::acceptor> listening_socket(asio::any_io_executor const& executor,
                                             StatusListen const& listen) {
    constexpr int kYes = 1;
    auto const& only = listen.interface;
    Tcp::endpoint const endpoint{listen.address, listen.port};
    Tcp::acceptor acceptor{executor};
    error_code failed;
    acceptor.open(endpoint.protocol(), failed);
    if (!failed) failed = set_option(acceptor, SOL_SOCKET, SO_REUSEADDR, &kYes, sizeof kYes);
    if (!failed) failed = set_option(acceptor, IPPROTO_IP, IP_FREEBIND, &kYes, sizeof kYes);
    if (!failed && !only.empty())
        failed = set_option(acceptor, SOL_SOCKET, SO_BINDTODEVICE, only.data(), only.size());
    if (!failed) acceptor.bind(endpoint, failed);
    if (!failed) acceptor.listen(kMostClients, failed);
    if (!failed) return acceptor;
    auto const where = listen.address.to_string() + " port " + std::to_string(listen.port);
    return core::fail(failed, "cannot listen on " + where + (only.empty() ? "" : " of " + only));
}

}   // namespace

StatusServer::StatusServer(StatusListen listen,
                           core::Clock& clock,
                           core::StateBus& state,
                           core::Log log,
                           StatusLimits limits)
    : listen_{std::move(listen)},
      clock_{clock},
      state_{state},
      log_{std::move(log)},
      limits_{limits},
      respond_{[this](StatusRequest const& request) {
          return status_response(request, listen_.names, state_.now(), clock_.now(), listen_.sensors);
      }} {}

Task<void> StatusServer::accept_clients(Tcp::acceptor& acceptor, core::TaskGroup& clients) {
    for (bool was_full = false;;) {
        auto [failed, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
        if (failed == asio::error::operation_aborted) co_return;
        if (failed == asio::error::connection_aborted) continue;
        if (failed) {   // no descriptors left, most likely: the pause keeps the loop free meanwhile
            log_(Level::warning, "could not accept a client, will retry", {{"why", failed.message()}});
            co_await clock_.sleep_for(kPauseAfterError);
            continue;
        }
        bool const is_full = clients.size() >= kMostClients;
        if (is_full && !was_full)
            log_(Level::warning, "too many clients, refusing more", {{"clients", kMostClients}});
        was_full = is_full;
        if (!is_full) clients.start(serve_client(std::move(socket), clock_, limits_, respond_));
    }
}

unsigned StatusServer::interface_number() const {
    constexpr unsigned kAny = 1;
    return listen_.interface.empty() ? kAny : ::if_nametoindex(listen_.interface.c_str());
}

Task<void> StatusServer::interface_other_than(unsigned number) {
    for (auto seen = state_.get(); interface_number() == number;) seen = co_await state_.changed_from(seen);
}

// SO_BINDTODEVICE keeps the number that the name had: a socket of a deleted interface hears nobody any more.
Task<void> StatusServer::listen_once(core::TaskGroup& clients) {
    co_await interface_other_than(0);
    auto const number = interface_number();
    auto acceptor = listening_socket(co_await asio::this_coro::executor, listen_);
    if (!acceptor) {
        log_(Level::error, "cannot show the status page", {{"why", acceptor.error().text()}});
        throw boost::system::system_error(acceptor.error().code, acceptor.error().context);
    }
    port_ = acceptor->local_endpoint().port();
    log_(Level::info, "status page is up", {{"address", listen_.address.to_string()}, {"port", port_}});
    if (listen_.on_listening) listen_.on_listening();

    auto accepting = accept_clients(*acceptor, clients);
    auto replaced = interface_other_than(number);
    co_await core::ends_before(std::move(accepting), std::move(replaced));
    port_ = 0;
}

Task<void> StatusServer::run() {
    core::TaskGroup clients{co_await asio::this_coro::executor};
    std::exception_ptr thrown;
    try {
        for (;;) co_await listen_once(clients);
    } catch (...) { thrown = std::current_exception(); }
    port_ = 0;
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await clients.end_all();
    if (thrown) std::rethrow_exception(thrown);
}

}   // namespace net
