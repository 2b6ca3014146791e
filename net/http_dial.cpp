#include "net/http_dial.hpp"

#include "net/http_exchange.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace net {
namespace {

namespace asio = core::asio;
using core::Errc;
using core::fail;

// The head of the proxy's answer, and not a byte more: what follows is the tunnel.
Task<Result<unsigned>> read_answer(Tcp::socket& socket, std::string peer) {
    ReplyParser parser;
    std::array<std::byte, 4096> buffer;
    std::size_t end = 0;
    while (!parser.has_head()) {
        auto const received = std::span{buffer}.first(end);
        auto const put = parser.put(received, {});
        if (!put) co_return fail(put.error().code, peer + ": " + put.error().context);
        std::copy(received.begin() + static_cast<std::ptrdiff_t>(put->taken), received.end(), buffer.begin());
        end -= put->taken;
        if (put->taken > 0) continue;
        if (end == buffer.size())
            co_return fail(Errc::bad_input, peer + ": a line of its answer is too long");
        auto const [failed, got] = co_await socket.async_read_some(
            asio::buffer(buffer.data() + end, buffer.size() - end), asio::as_tuple(asio::use_awaitable));
        if (failed == asio::error::eof)
            co_return fail(Errc::unreachable, peer + " did not answer: it closed the connection");
        if (failed) co_return fail(Errc::unreachable, peer + " did not answer: " + failed.message());
        end += got;
    }
    auto const status = parser.head().status;
    if (status / 100 == 2 && end > 0)
        co_return fail(Errc::bad_input, peer + " sent data of its own into the connection");
    co_return status;
}

Task<Result<Tcp::socket>> open_tunnel(Tcp::socket socket, Proxy proxy, Url url, std::string user_agent) {
    auto const text = connect_text(proxy, url, user_agent);
    auto const [failed, count] =
        co_await asio::async_write(socket, asio::buffer(text), asio::as_tuple(asio::use_awaitable));
    if (failed) co_return fail(Errc::unreachable, "asking " + proxy.peer() + ": " + failed.message());
    auto const status = co_await read_answer(socket, proxy.peer());
    if (!status) co_return status.error();
    auto const connected = check_connected(proxy, url, *status);
    if (!connected) co_return connected.error();
    co_return socket;
}

}   // namespace

Task<Result<TlsStream>> dial(core::Clock& clock,
                             Url url,
                             TlsTrust trust,
                             std::optional<Proxy> proxy,
                             std::string user_agent,
                             Progress& progress) {
    progress.peer = proxy ? proxy->peer() : url.peer();
    progress.step = kLookUp;
    auto const host = proxy ? proxy->host : url.host;
    auto const port = proxy ? proxy->port : url.port;
    auto addresses = co_await look_up(host, port);
    if (!addresses && proxy)
        co_return fail(addresses, "looking for the proxy that " + proxy->variable + " names");
    if (!addresses) co_return addresses.error();

    progress.step = "connecting";
    auto socket = co_await connect_to(clock, *addresses, progress.peer, progress.until - clock.now());
    if (!socket) co_return socket.error();

    if (proxy) {
        progress.step = "waiting for its connection to " + url.peer();
        socket = co_await open_tunnel(std::move(*socket), *proxy, url, std::move(user_agent));
        if (!socket) co_return socket.error();
    }
    progress.peer = url.peer();
    progress.step = "TLS";
    co_return co_await TlsStream::open(std::move(*socket), std::move(url), std::move(trust));
}

}   // namespace net
