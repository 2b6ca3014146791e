#include "net/http_connect.hpp"

#include "core/race.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

namespace net {
namespace {

namespace asio = core::asio;
using boost::system::error_code;
using core::Errc;
using core::fail;

// Asio 1.81 cannot cancel async_resolve, and getaddrinfo() may take half a minute where no name server
// answers.
struct LookUp {
    Tcp::resolver resolver;
    asio::steady_timer answered;   // never rings; cancelled by the answer
    bool has_answer = false;
    error_code failed;
    std::vector<Tcp::endpoint> addresses;

    explicit LookUp(asio::any_io_executor const& executor)
        : resolver{executor}, answered{executor, asio::steady_timer::time_point::max()} {}
};

Task<error_code> try_one(Tcp::socket& socket, Tcp::endpoint address) {
    error_code failed;
    socket.open(address.protocol(), failed);
    if (failed) co_return failed;
    auto const [refused] = co_await socket.async_connect(address, asio::as_tuple(asio::use_awaitable));
    co_return refused;
}

}   // namespace

Task<Result<std::vector<Tcp::endpoint>>> look_up(std::string host, std::uint16_t port) {
    error_code not_numeric;
    auto const address = asio::ip::make_address(host, not_numeric);
    if (!not_numeric) co_return std::vector{Tcp::endpoint{address, port}};

    auto const look_up = std::make_shared<LookUp>(co_await asio::this_coro::executor);
    look_up->resolver.async_resolve(host, std::to_string(port),
                                    Tcp::resolver::numeric_service | Tcp::resolver::address_configured,
                                    [look_up](error_code failed, Tcp::resolver::results_type const& found) {
                                        for (auto const& entry : found)
                                            look_up->addresses.push_back(entry.endpoint());
                                        look_up->failed = failed;
                                        look_up->has_answer = true;
                                        look_up->answered.cancel();
                                    });
    auto const [aborted] = co_await look_up->answered.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!look_up->has_answer) throw boost::system::system_error(aborted);
    if (look_up->failed)
        co_return fail(Errc::no_address,
                       "could not find the address of " + host + ": " + look_up->failed.message());
    co_return std::move(look_up->addresses);
}

Task<Result<Tcp::socket>>
connect_to(core::Clock& clock, std::vector<Tcp::endpoint> addresses, std::string peer, core::Duration limit) {
    auto const until = clock.now() + limit;
    std::string why = "it has no address";
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        Tcp::socket socket{co_await asio::this_coro::executor};
        if (i + 1 == addresses.size()) {   // the caller's limit is the last one's
            auto const failed = co_await try_one(socket, addresses[i]);
            if (!failed) co_return socket;
            why = failed.message();
            break;
        }
        auto const share = (until - clock.now()) / static_cast<int>(addresses.size() - i);
        auto trying = try_one(socket, addresses[i]);
        auto patience = clock.sleep_for(share);
        auto const failed = co_await core::first_of(std::move(trying), std::move(patience));
        if (failed && !*failed) co_return socket;
        why = failed ? failed->message() : "no answer";
    }
    co_return fail(Errc::unreachable, "could not connect to " + peer + ": " + why);
}

}   // namespace net
