#include "health/image_keeper.hpp"

#include "core/files.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/started.hpp"
#include "support/unix_server.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

using namespace std::chrono_literals;

namespace {

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), {}};
    core::Writer<&core::DeviceState::containers> containers{state};
    core::Writer<&core::DeviceState::update> update{state};
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    test::UnixServer podman{io};
    test::TemporaryDirectory directory;
    core::StateFile record{directory / "images.json", 1};
    health::ImageWishes wishes{.slot_is_committed = true, .in_force = {}, .of_other_slot = {{}}};
    health::ImageKeeper keeper{
        clock,
        state,
        core::Log{log, "containers"},
        {{.of = "root", .socket = podman.path(), .owner = ::geteuid(), .record = record}},
        [this] { return wishes; }};
    test::Started running;

    World() : running{io, keeper.run()} {
        REQUIRE(core::replace_file(directory / "images.json", R"({"schema":1,"ids":["a1"]})"));
        clock.settle();
    }
    ~World() {
        running.cancel();
        clock.settle();
    }
    void serve_one_image_of_ours() {
        podman.serve_json(200, R"([{"Id":"a1","Names":["localhost/web:1"]}])");
        podman.serve_json(200, "[]");
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "images are looked through when the containers are as wanted and no trial runs") {
    CHECK(podman.requests.empty());
    update.set({.phase = core::Phase::trial});
    containers.set({.applied = true});
    clock.settle();
    CHECK(podman.requests.empty());

    serve_one_image_of_ours();
    podman.serve_json(200, R"({"Deleted":["a1"]})");
    update.set({.phase = core::Phase::committed});
    REQUIRE(test::happens(io, [&] { return podman.requests.size() == 3; }));
    CHECK(podman.requests.back().starts_with("DELETE /v4.0.0/libpod/images/a1 "));
    CHECK(test::happens(io, [&] {
        return log->contains("removed an image that no document names any more of=root image=a1");
    }));
}

TEST_CASE_FIXTURE(World, "they are looked through again after a day, by the wishes of then") {
    wishes.in_force = {"localhost/web:1"};
    serve_one_image_of_ours();
    containers.set({.applied = true});
    REQUIRE(test::happens(io, [&] { return podman.requests.size() == 2; }));
    clock.advance(23h);
    CHECK(podman.requests.size() == 2);

    wishes.in_force.clear();
    serve_one_image_of_ours();
    podman.serve_json(409, R"({"message":"image is in use by a container"})");
    clock.advance(1h);
    REQUIRE(test::happens(io, [&] { return podman.requests.size() == 5; }));
    CHECK(test::happens(io, [&] { return log->contains("an image stays that no document names any more"); }));
}

TEST_CASE_FIXTURE(World, "a podman that fails is asked again after a day") {
    podman.serve_json(500, R"({"message":"no space left"})");
    containers.set({.applied = true});
    REQUIRE(test::happens(
        io, [&] { return log->contains("images were not looked through, will retry in a day"); }));
    wishes.in_force = {"localhost/web:1"};
    serve_one_image_of_ours();
    clock.advance(24h);
    CHECK(test::happens(io, [&] { return podman.requests.size() == 3; }));
}
