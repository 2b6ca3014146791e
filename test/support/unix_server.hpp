#pragma once
// A server on a unix socket that says what the test wants: one scripted reply for each connection, in order.

#include "core/task_group.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <string>
#include <vector>

namespace test {

class UnixServer {
    using Unix = core::asio::local::stream_protocol;

public:
    // After the reply: the connection ends, or stays open and silent.
    enum class Then { end, silence };

    explicit UnixServer(core::asio::io_context& io)
        : io_{io}, acceptor_{io, Unix::endpoint{path().string()}}, replies_{io.get_executor()} {}
    ~UnixServer() {
        bool done = false;
        core::asio::co_spawn(io_, replies_.end_all(), [&](std::exception_ptr) { done = true; });
        io_.restart();
        while (!done) io_.run_one();
    }

    std::filesystem::path path() const { return directory_ / "socket"; }
    std::vector<std::string> requests;   // their heads
    int ended_by_client = 0;             // of the silent connections

    void serve(std::string reply, Then then = Then::end) { replies_.start(answer(std::move(reply), then)); }
    void serve_json(int status, std::string const& body) {
        serve("HTTP/1.1 " + std::to_string(status) +
              " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
    }

private:
    core::Task<void> answer(std::string reply, Then then) {
        auto socket = co_await acceptor_.async_accept(core::asio::use_awaitable);
        std::string received;
        auto const [lost, size] =
            co_await core::asio::async_read_until(socket, core::asio::dynamic_buffer(received), "\r\n\r\n",
                                                  core::asio::as_tuple(core::asio::use_awaitable));
        requests.push_back(received.substr(0, size));
        co_await core::asio::async_write(socket, core::asio::buffer(reply),
                                         core::asio::as_tuple(core::asio::use_awaitable));
        if (then == Then::end) co_return;
        char one = 0;
        co_await socket.async_read_some(core::asio::buffer(&one, 1),
                                        core::asio::as_tuple(core::asio::use_awaitable));
        ++ended_by_client;
    }

    TemporaryDirectory directory_;
    core::asio::io_context& io_;
    Unix::acceptor acceptor_;
    core::TaskGroup replies_;
};

}   // namespace test
