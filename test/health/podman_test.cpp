#include "health/podman.hpp"

#include "support/fake_clock.hpp"
#include "support/print_result.hpp"
#include "support/run_task.hpp"
#include "support/unix_server.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

using namespace std::chrono_literals;
using core::Errc;
using Then = test::UnixServer::Then;

namespace {

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    test::UnixServer server{io};
    health::Podman podman{clock, server.path(), ::geteuid()};

    auto containers() { return test::run_task(io, podman.containers()); }
    core::Error error_of(std::string reply, Then then = Then::end) {
        server.serve(std::move(reply), then);
        auto const got = containers();
        REQUIRE_FALSE(got);
        return got.error();
    }
};

std::string const kWeb =
    R"([{"Names":["systemd-web"],"State":"running","Status":"healthy","Image":"localhost/web:1",)"
    R"("ImageID":"f00d","Restarts":2,"ExitCode":0,"Labels":{"x":"y"}}])";

}   // namespace

TEST_CASE_FIXTURE(World, "podman is asked for all containers, also those that do not run") {
    server.serve_json(200, kWeb);
    auto const got = containers();
    REQUIRE(got);
    REQUIRE(got->size() == 1);
    CHECK(got->at(0) == health::PodmanContainer{.name = "systemd-web",
                                                .state = "running",
                                                .health = "healthy",
                                                .image = "localhost/web:1",
                                                .image_id = "f00d",
                                                .restarts = 2});
    REQUIRE(server.requests.size() == 1);
    CHECK(server.requests.at(0).starts_with("GET /v4.0.0/libpod/containers/json?all=true HTTP/1.1\r\n"));
    CHECK(server.requests.at(0).find("Host: ") != std::string::npos);
    CHECK(server.requests.at(0).find("Connection: close") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "podman is asked for its images") {
    server.serve_json(200, R"([{"Id":"f00d","Names":["localhost/web:1"]}])");
    auto const got = test::run_task(io, podman.images());
    REQUIRE(got);
    CHECK(*got == std::vector<health::PodmanImage>{{.id = "f00d", .names = {"localhost/web:1"}}});
    CHECK(server.requests.at(0).starts_with("GET /v4.0.0/libpod/images/json HTTP/1.1\r\n"));
}

TEST_CASE_FIXTURE(World, "an image is removed by its id and never by force") {
    server.serve_json(200, R"({"Deleted":["f00d"],"ExitCode":0})");
    CHECK(test::run_task(io, podman.remove_image("f00d")));
    CHECK(server.requests.at(0).starts_with("DELETE /v4.0.0/libpod/images/f00d HTTP/1.1\r\n"));

    server.serve_json(
        409,
        R"({"cause":"image is being used","message":"image used by 1234: image is in use by a container","response":409})");
    auto const used = test::run_task(io, podman.remove_image("f00d"));
    REQUIRE_FALSE(used);
    CHECK(used.error().is(Errc::refused));
    CHECK(
        used.error().context ==
        "podman answered 409: image used by 1234: image is in use by a container; while removing image f00d");
}

TEST_CASE_FIXTURE(World, "what is no id is not made part of a request") {
    for (auto const* id : {"", "web:1", "../containers/web", "f00d?force=true", "F00D", "f00d "}) {
        CAPTURE(id);
        server.serve_json(200, "{}");
        auto const refused = test::run_task(io, podman.remove_image(id));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().is(Errc::bad_input));
    }
    CHECK(server.requests.empty());
}

TEST_CASE_FIXTURE(World, "a reply in chunks, or up to the end of the connection, is read as well") {
    server.serve("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n");
    CHECK(containers());
    server.serve("HTTP/1.1 200 OK\r\n\r\n[]");
    CHECK(containers());
}

TEST_CASE_FIXTURE(World, "podman's own failure is told in its words") {
    server.serve_json(500, R"({"cause":"x","message":"database is locked\nby somebody","response":500})");
    auto const got = containers();
    REQUIRE_FALSE(got);
    CHECK(got.error().is(Errc::io));
    CHECK(got.error().context ==
          "podman answered 500: database is locked by somebody; while asking for its containers");
    server.serve_json(502, "<html>");
    CHECK(containers().error().context == "podman answered 502; while asking for its containers");
}

TEST_CASE_FIXTURE(World, "a reply that ends too early, is no HTTP, no JSON or endless is told from another") {
    struct Row {
        char const* name;
        std::string reply;
        Errc code;
        char const* words;
    } const rows[] = {
        {"nothing", "", Errc::unreachable, "ended the connection before its reply was complete"},
        {"half a head", "HTTP/1.1 200 OK\r\nContent-", Errc::unreachable, "before its reply was complete"},
        {"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[{", Errc::unreachable,
         "before its reply was complete"},
        {"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n[{", Errc::unreachable,
         "before its reply was complete"},
        {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", Errc::bad_input, "podman's reply is not HTTP"},
        {"a head without end", "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'), Errc::bad_input,
         "podman's reply is not HTTP"},
        {"no JSON", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[{", Errc::bad_input, "not JSON"},
        {"no list", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Errc::bad_input, "not a JSON list"},
        {"announced as too long", "HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n", Errc::too_large,
         "podman's reply is longer than 4 MiB"},
        {"too long unannounced", "HTTP/1.1 200 OK\r\n\r\n" + std::string(4'194'305, ' '), Errc::too_large,
         "podman's reply is longer than 4 MiB"},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        auto const error = error_of(row.reply);
        CHECK_MESSAGE(error.is(row.code), error.text());
        CHECK_MESSAGE(error.context.find(row.words) != std::string::npos, error.text());
    }
}

TEST_CASE_FIXTURE(World, "podman that says nothing, or half of it, is given up after 5 s") {
    for (auto const* reply : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[{"}) {
        server.serve(reply, Then::silence);
        std::optional<core::Error> error;
        core::asio::co_spawn(io, podman.containers(),
                             [&](std::exception_ptr, core::Result<std::vector<health::PodmanContainer>> got) {
                                 error = got.error();
                             });
        clock.advance(4999ms);
        CHECK_FALSE(error);
        clock.advance(1ms);
        clock.settle();
        REQUIRE(error);
        CHECK(error->is(Errc::timed_out));
        CHECK(error->context == "podman did not answer within 5 s; while asking for its containers");
    }
    clock.settle();
    CHECK(server.ended_by_client == 2);   // no connection is left behind
}

TEST_CASE_FIXTURE(World, "a question that is cancelled leaves no connection behind") {
    server.serve("", Then::silence);
    core::asio::cancellation_signal stop;
    bool cancelled = false;
    core::asio::co_spawn(
        io, podman.containers(),
        core::asio::bind_cancellation_slot(
            stop.slot(), [&](std::exception_ptr thrown, core::Result<std::vector<health::PodmanContainer>>) {
                cancelled = thrown != nullptr;
            }));
    clock.advance(1s);
    stop.emit(core::asio::cancellation_type::terminal);
    clock.settle();
    CHECK(cancelled);
    clock.settle();
    CHECK(server.ended_by_client == 1);
}

TEST_CASE_FIXTURE(World, "what another user serves at podman's place is not asked") {
    server.serve_json(200, kWeb);
    health::Podman another{clock, server.path(), ::geteuid() + 1};
    auto const got = test::run_task(io, another.containers());
    REQUIRE_FALSE(got);
    CHECK(got.error().is(Errc::refused));
    CHECK(got.error().context ==
          server.path().string() + " is served by user " + std::to_string(::geteuid()) + " and not by user " +
              std::to_string(::geteuid() + 1) + ", so it is not used; while asking for its containers");
    clock.settle();
    CHECK(server.requests == std::vector<std::string>{""});   // a connection, and not a word
}

TEST_CASE("podman's socket that is not there, or at which nobody listens, is said in a sentence") {
    core::asio::io_context io;
    test::FakeClock clock{io};
    test::TemporaryDirectory directory;
    auto const ask = [&](std::filesystem::path socket) {
        health::Podman podman{clock, std::move(socket), ::geteuid()};
        return test::run_task(io, podman.containers()).error();
    };
    auto const at = directory / "podman.sock";
    auto const absent = ask(at);
    CHECK(absent.is(Errc::not_found));
    CHECK(absent.context ==
          "there is no " + at.string() + ": podman.socket is not active; while asking for its containers");
    { core::asio::local::stream_protocol::acceptor gone{io, at.string()}; }
    auto const refused = ask(at);
    CHECK(refused.is(Errc::unreachable));
    CHECK(refused.context == "nobody listens at " + at.string() +
                                 ": podman.socket is not active; while asking for its containers");
    CHECK(ask(directory / std::string(120, 'x')).is(Errc::bad_input));
}

// In a child, since only somebody who is not root is refused.
TEST_CASE_FIXTURE(World, "podman's socket that is not for us is said in a sentence") {
    ::chmod(server.path().parent_path().c_str(), 0755);
    ::chmod(server.path().c_str(), 0600);
    if (::getuid() != 0) ::chmod(server.path().c_str(), 0);
    auto const child = ::fork();
    if (child == 0) {
        constexpr uid_t kNobody = 65534;
        if (::getuid() == 0 && ::setuid(kNobody) != 0) ::_exit(2);
        core::asio::io_context own;
        test::FakeClock time{own};
        health::Podman refused{time, server.path(), ::geteuid()};
        auto const got = test::run_task(own, refused.containers());
        bool const is_said =
            !got && got.error().is(Errc::refused) &&
            got.error().context == server.path().string() +
                                       " may not be opened by this program; while asking for "
                                       "its containers";
        ::_exit(is_said ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
