#include "health/udp_question.hpp"

#include "core/race.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace health {
namespace {

namespace asio = core::asio;
using core::Errc;
using core::fail;

core::Task<core::Result<Datagram>>
exchange_datagrams(core::Ipv4 server, std::uint16_t port, Datagram question) {
    asio::ip::udp::socket socket(co_await asio::this_coro::executor);
    asio::ip::udp::endpoint const peer{asio::ip::address_v4{server.bits}, port};
    boost::system::error_code failed;
    socket.open(asio::ip::udp::v4(), failed);
    if (!failed) socket.connect(peer, failed);   // only this peer's answers, and its refusals as errors
    if (!failed) socket.send(asio::buffer(question), 0, failed);
    if (failed) co_return fail(Errc::unreachable, failed.message());

    Datagram answer(kLongestAnswer);
    auto const [lost, size] =
        co_await socket.async_receive(asio::buffer(answer), asio::as_tuple(asio::use_awaitable));
    if (lost) co_return fail(Errc::unreachable, lost.message());
    answer.resize(size);
    co_return answer;
}

}   // namespace

core::Task<core::Result<Datagram>> ask_by_udp(core::Clock& clock,
                                              core::Ipv4 server,
                                              std::uint16_t port,
                                              Datagram question,
                                              core::Duration limit) {
    auto asked = exchange_datagrams(server, port, std::move(question));
    co_return co_await answer_within(clock, limit, std::move(asked));
}

core::Task<core::Result<Datagram>>
answer_within(core::Clock& clock, core::Duration limit, core::Task<core::Result<Datagram>> asked) {
    auto over = clock.sleep_for(limit);
    auto answer = co_await core::first_of(std::move(asked), std::move(over));
    if (!answer)
        co_return fail(
            Errc::timed_out,
            "no answer within " +
                std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()) + " ms");
    co_return std::move(*answer);
}

}   // namespace health
