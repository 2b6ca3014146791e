#include "health/image_pruning.hpp"

#include "core/files.hpp"
#include "support/fake_clock.hpp"
#include "support/print_result.hpp"
#include "support/run_task.hpp"
#include "support/unix_server.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>

using core::Errc;
using health::ImageFacts;
using health::ImageWishes;
using health::PodmanImage;
using Ids = std::vector<std::string>;

namespace {

std::string const kId(64, 'a');

// Three images of ours and one that somebody else brought here.
ImageFacts const kFacts{.images = {{.id = "a1", .names = {"localhost/web:1"}},
                                   {.id = "b2", .names = {"localhost/web:2"}},
                                   {.id = "c3", .names = {}},
                                   {.id = "d4", .names = {"localhost/theirs:1"}}},
                        .containers = {},
                        .ours = {"a1", "b2", "c3"}};

ImageWishes wishes(std::vector<std::string> in_force, std::optional<std::vector<std::string>> other) {
    return {.slot_is_committed = true, .in_force = std::move(in_force), .of_other_slot = std::move(other)};
}

}   // namespace

TEST_CASE("an image goes when it was ours, nobody uses it, and no document of either slot names it") {
    auto used = kFacts;
    used.containers = {
        {.name = "systemd-web", .state = "exited", .image = "localhost/web:1", .image_id = "a1"}};
    auto nothing_ours = kFacts;
    nothing_ours.ours = {};
    auto named_twice = kFacts;
    named_twice.images.at(0).names = {"localhost/web:1", "localhost/web@sha256:00", "localhost/also:1"};
    auto on_trial = wishes({"localhost/web:2"}, Ids{});
    on_trial.slot_is_committed = false;

    struct {
        char const* name;
        ImageFacts facts;
        ImageWishes wishes;
        Ids want;
    } const rows[] = {
        {"an update of the document", kFacts, wishes({"localhost/web:2"}, Ids{}), {"a1", "c3"}},
        {"the other slot would use the old one",
         kFacts,
         wishes({"localhost/web:2"}, Ids{"localhost/web:1"}),
         {"c3"}},
        {"both name nothing", kFacts, wishes({}, Ids{}), {"a1", "b2", "c3"}},
        {"a container uses it, although it has ended", used, wishes({"localhost/web:2"}, Ids{}), {"c3"}},
        {"none of them is ours", nothing_ours, wishes({}, Ids{}), {}},
        {"somebody gave it another name", named_twice, wishes({}, Ids{}), {"b2", "c3"}},
        {"the slot is not committed", kFacts, on_trial, {}},
        {"nobody knows what the other slot would use", kFacts, wishes({"localhost/web:2"}, std::nullopt), {}},
        {"a name that is not understood", kFacts, wishes({"docker-archive:/data/web.tar"}, Ids{}), {}},
        {"another one, of the other slot", kFacts, wishes({}, Ids{"localhost/web:%i"}), {}},
        {"an image that is not here", kFacts, wishes({"localhost/web:3"}, Ids{}), {"a1", "b2", "c3"}},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        CHECK(health::images_to_remove(row.facts, row.wishes) == row.want);
    }
}

TEST_CASE("what a document calls an image is found among the names that podman has for it") {
    struct {
        char const* reference;
        char const* name;
        bool want;
    } const rows[] = {
        {"localhost/web:1", "localhost/web:1", true},
        {"localhost/web:1", "localhost/web:2", false},
        {"localhost/web", "localhost/web:latest", true},
        {"localhost/web", "localhost/web:1", false},
        {"web:1", "localhost/web:1", true},   // a short name, of any registry
        {"team/web:1", "registry.example/team/web:1", true},
        {"b:1", "localhost/web:1", false},
        {"docker.io/caddy:2", "docker.io/library/caddy:2", true},
        {"caddy", "docker.io/library/caddy:latest", true},
        {"docker://docker.io/library/caddy:2", "docker.io/library/caddy:2", true},
        {"registry.example:5000/web", "registry.example:5000/web:latest", true},
        {"registry.example:5000/web:1", "registry.example:5000/web:2", false},
        {"registry.example/web@sha256:00", "registry.example/web@sha256:00", true},
        {"registry.example/web:1@sha256:00", "registry.example/web@sha256:00", true},
        {"registry.example/web@sha256:00", "registry.example/web@sha256:11", false},
        {"registry.example/web@sha256:00", "registry.example/web:latest", false},
    };
    for (auto const& row : rows) {
        CAPTURE(row.reference);
        CAPTURE(row.name);
        CHECK(health::may_mean(row.reference, {.id = kId, .names = {"localhost/first:1", row.name}}) ==
              row.want);
    }
    CHECK(health::may_mean(std::string(12, 'a'), {.id = kId}));
    CHECK_FALSE(health::may_mean("aaa", {.id = kId}));   // a name
    CHECK_FALSE(health::may_mean(std::string(12, 'b'), {.id = kId}));
}

TEST_CASE("ours are the images that a document of either slot names, and those that one named before") {
    auto facts = kFacts;
    facts.ours = {"c3", "gone"};
    CHECK(health::images_of_ours(facts, wishes({"localhost/web:1"}, Ids{"localhost/web:2"})) ==
          Ids{"c3", "a1", "b2"});
    CHECK(health::images_of_ours(facts, wishes({}, std::nullopt)) == Ids{"c3"});
}

TEST_CASE("only a name with its registry makes an image ours, since a short one may be somebody else's") {
    struct {
        char const* reference;
        char const* name;
        bool want;
    } const rows[] = {
        {"localhost/web:1", "localhost/web:1", true},
        {"docker.io/caddy", "docker.io/library/caddy:latest", true},
        {"docker://docker.io/library/caddy:2", "docker.io/library/caddy:2", true},
        {"registry.example:5000/web@sha256:00", "registry.example:5000/web@sha256:00", true},
        {"localhost/web:1", "localhost/web:2", false},
        {"localhost/web:1", "docker.io/localhost/web:1", false},
        {"registry.example/web:1", "mirror.example/registry.example/web:1", false},
        {"web:1", "localhost/web:1", false},
        {"web:1", "web:1", false},
        {"team/web:1", "docker.io/team/web:1", false},
        {"caddy", "docker.io/library/caddy:latest", false},
        {"aaaaaaaaaaaa", "localhost/web:1", false},   // its id
    };
    for (auto const& row : rows) {
        CAPTURE(row.reference);
        CAPTURE(row.name);
        PodmanImage const image{.id = kId, .names = {row.name}};
        CHECK(health::means(row.reference, image) == row.want);
        ImageFacts const facts{.images = {image}, .containers = {}, .ours = {}};
        CHECK(health::images_of_ours(facts, wishes({row.reference}, Ids{})).empty() != row.want);
    }
}

TEST_CASE("a short name keeps what it may mean, although it makes nothing ours") {
    CHECK(health::images_to_remove(kFacts, wishes({"web:1"}, Ids{"web:2"})) == Ids{"c3"});
}

TEST_CASE("no more than 256 images are remembered, the newest") {
    ImageFacts facts;
    for (int i = 100; i < 400; ++i) {
        facts.images.push_back({.id = std::to_string(i), .names = {}});
        facts.ours.push_back(std::to_string(i));
    }
    auto const ours = health::images_of_ours(facts, {});
    CHECK(ours.size() == 256);
    CHECK(ours.back() == "399");
}

namespace {

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    test::UnixServer server{io};
    test::TemporaryDirectory state;
    std::filesystem::path path = state / "images.json";
    health::Podman podman{clock, server.path(), ::geteuid()};

    void serve_lists() {
        server.serve_json(
            200, R"([{"Id":"a1","Names":["localhost/web:1"]},{"Id":"b2","Names":["localhost/web:2"]}])");
        server.serve_json(200, "[]");
    }
    auto prune(ImageWishes wanted) {
        return test::run_task(io, health::prune_images(podman, core::StateFile{path, 1}, std::move(wanted)));
    }
    bool records(char const* id) const {
        auto const text = core::read_file(path, 10'000);
        return text && text->find('"' + std::string{id} + '"') != std::string::npos;
    }
};

}   // namespace

TEST_CASE_FIXTURE(
    World,
    "what a document once named is remembered, and removed when a committed slot no longer does") {
    serve_lists();
    auto trial = wishes({"localhost/web:1"}, Ids{});
    trial.slot_is_committed = false;
    REQUIRE(prune(trial));
    CHECK(records("a1"));
    CHECK_FALSE(records("b2"));
    CHECK(server.requests.size() == 2);   // nothing was removed

    serve_lists();
    server.serve_json(200, R"({"Deleted":["a1"]})");
    auto const done = prune(wishes({"localhost/web:2"}, Ids{}));
    REQUIRE(done);
    CHECK(done->removed == Ids{"a1"});
    CHECK(done->errors.empty());
    CHECK(records("b2"));
    CHECK(server.requests.back().starts_with("DELETE /v4.0.0/libpod/images/a1 "));
}

TEST_CASE_FIXTURE(World, "podman is not started for a device that never had a container") {
    serve_lists();
    auto const done = prune(wishes({}, Ids{}));
    REQUIRE(done);
    CHECK(done->removed.empty());
    REQUIRE(server.requests.empty());
    CHECK(prune(wishes({}, std::nullopt)));
    CHECK(server.requests.empty());
    CHECK(prune(wishes({}, Ids{"localhost/web:1"})));   // as the other slot wants it
    CHECK(server.requests.size() == 2);
}

TEST_CASE_FIXTURE(World, "an image that podman will not remove does not keep the others from going") {
    REQUIRE(core::replace_file(path, R"({"schema":1,"ids":["a1","b2"]})"));
    serve_lists();
    server.serve_json(409, R"({"message":"image is in use by a container"})");
    server.serve_json(404, R"({"message":"no such image"})");   // somebody else did it meanwhile
    auto const done = prune(wishes({}, Ids{}));
    REQUIRE(done);
    CHECK(done->removed == Ids{"b2"});
    CHECK(done->errors ==
          Ids{"podman answered 409: image is in use by a container; while removing image a1"});
    CHECK(records("a1"));   // the next time
}

TEST_CASE_FIXTURE(World, "without podman's lists or with an unreadable record nothing is removed") {
    REQUIRE(core::replace_file(path, R"({"schema":1,"ids":["a1"]})"));
    server.serve_json(500, "{}");
    CHECK_FALSE(prune(wishes({}, Ids{})));

    server.serve_json(200, R"([{"Id":"a1"}])");
    server.serve_json(500, "{}");
    CHECK_FALSE(prune(wishes({}, Ids{})));
    CHECK(records("a1"));

    REQUIRE(core::replace_file(path, "{"));
    serve_lists();
    auto const unreadable = prune(wishes({}, Ids{}));
    REQUIRE_FALSE(unreadable);
    CHECK(unreadable.error().is(Errc::bad_input));
    for (auto const& request : server.requests) CHECK(request.starts_with("GET "));
}
