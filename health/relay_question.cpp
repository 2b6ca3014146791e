#include "health/relay_question.hpp"

#include "core/race.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace health {
namespace {

namespace asio = core::asio;
using asio::ip::udp;
using core::Errc;
using core::fail;

core::Task<core::Result<Datagram>>
exchange_from_another_port(core::Ipv4 address, std::uint16_t port, Datagram question) {
    auto const executor = co_await asio::this_coro::executor;
    asio::ip::address_v4 const here{address.bits};
    udp::endpoint const server{here, port};
    udp::socket receiver(executor), sender(executor);
    boost::system::error_code failed;
    receiver.open(udp::v4(), failed);
    if (!failed) receiver.set_option(udp::socket::reuse_address{true}, failed);
    if (!failed) receiver.bind(server, failed);
    if (!failed) receiver.connect(server, failed);
    if (failed)
        co_return fail(Errc::unreachable,
                       "cannot listen on port " + std::to_string(port) + ": " + failed.message());

    // From another port: from the same one the question would be our own receiver's.
    sender.open(udp::v4(), failed);
    udp::endpoint const any_port{here, 0};
    if (!failed) sender.bind(any_port, failed);
    if (!failed) sender.connect(server, failed);
    if (!failed) sender.send(asio::buffer(question), 0, failed);
    if (failed) co_return fail(Errc::unreachable, failed.message());

    // Over loopback a refusal is there at once.
    char nothing = 0;
    sender.non_blocking(true, failed);
    sender.receive(asio::buffer(&nothing, 1), 0, failed);
    if (failed != asio::error::would_block) co_return fail(Errc::unreachable, failed.message());

    Datagram answer(kLongestAnswer);
    auto const [lost, size] =
        co_await receiver.async_receive(asio::buffer(answer), asio::as_tuple(asio::use_awaitable));
    if (lost) co_return fail(Errc::unreachable, lost.message());
    answer.resize(size);
    co_return answer;
}

}   // namespace

core::Task<core::Result<Datagram>> ask_as_relay(core::Clock& clock,
                                                core::Ipv4 address,
                                                std::uint16_t port,
                                                Datagram question,
                                                core::Duration limit) {
    auto asked = exchange_from_another_port(address, port, std::move(question));
    co_return co_await answer_within(clock, limit, std::move(asked));
}

}   // namespace health
