#include "health/podman_reply.hpp"

#include "core/files.hpp"
#include "support/print_result.hpp"

#include <doctest/doctest.h>

using core::Errc;
using health::parse_containers;
using health::parse_images;

namespace {

std::string recorded(char const* name) {
    auto const text = core::read_file(std::string{SOURCE_DIRECTORY "/test/data/podman/"} + name, 1024 * 1024);
    REQUIRE(text);
    return *text;
}

std::string const kWeb =
    R"({"Names":["systemd-web"],"State":"running","Status":"","Image":"web","ImageID":"f00d",)"
    R"("Restarts":0,"ExitCode":137})";

std::string replaced(std::string text, std::string const& what, std::string const& by) {
    auto const at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), by);
}

}   // namespace

TEST_CASE("what podman 5 of Debian 13 says of containers is read") {
    auto const got = parse_containers(recorded("containers.json"));
    REQUIRE(got);
    struct {
        char const* name;
        char const* state;
        char const* health;
        char const* image;
        unsigned restarts;
        int exit_code;
    } const want[] = {
        {"systemd-web", "running", "healthy", "localhost/web:1", 0, 0},
        {"systemd-ill", "running", "unhealthy", "localhost/web:1", 0, 0},
        {"systemd-new", "running", "starting", "localhost/web:1", 0, 0},
        {"systemd-plain", "running", "", "localhost/web:2", 0, 0},
        {"systemd-ended", "exited", "", "localhost/web:2", 0, 3},
        {"systemd-restless", "exited", "", "localhost/web:2", 3, 1},
        {"systemd-created", "created", "", "localhost/web:2", 0, 0},
    };
    REQUIRE(got->size() == std::size(want));
    for (std::size_t i = 0; i < got->size(); ++i) {
        auto const& one = got->at(i);
        CAPTURE(want[i].name);
        CHECK(one.name == want[i].name);
        CHECK(one.state == want[i].state);
        CHECK(one.health == want[i].health);
        CHECK(one.image == want[i].image);
        CHECK(one.image_id.size() == 64);
        CHECK(one.restarts == want[i].restarts);
        CHECK(one.exit_code == want[i].exit_code);
    }
}

TEST_CASE("what podman 5 of Debian 13 says of images is read, and their ids are those of its containers") {
    auto const images = parse_images(recorded("images.json"));
    auto const containers = parse_containers(recorded("containers.json"));
    REQUIRE(images);
    REQUIRE(containers);
    REQUIRE(images->size() == 4);
    CHECK(images->at(0).id == containers->at(0).image_id);
    CHECK(images->at(0).names.at(0) == "localhost/web:1");
    CHECK(images->at(0).names.at(1).starts_with("localhost/web@sha256:"));
    CHECK(images->at(1).names.size() == 4);
    CHECK(images->at(2).names.empty());   // a newer one has its name
    CHECK(images->at(3).names.at(0) == "localhost/old:1");
}

TEST_CASE("what podman 5 of Debian 13 says when it does not remove an image is told in its words") {
    auto const used = health::refusal_of(409, recorded("in-use.json"));
    CHECK(used.is(Errc::refused));
    CHECK(used.context.starts_with("podman answered 409: image used by "));
    CHECK(health::refusal_of(404, recorded("gone.json")).is(Errc::not_found));
    auto const named_twice = health::refusal_of(500, recorded("several-names.json"));
    CHECK(named_twice.context.ends_with(
        "more than one tag ([localhost/also:2 localhost/web:2]): please force removal"));
}

TEST_CASE("a container is read with what is left out being absent, and anything unknown ignored") {
    auto const got = parse_containers("[" + kWeb + "]");
    REQUIRE(got);
    CHECK(*got == std::vector<health::PodmanContainer>{{.name = "systemd-web",
                                                        .state = "running",
                                                        .image = "web",
                                                        .image_id = "f00d",
                                                        .exit_code = 137}});
    for (auto const* status : {R"("Status":null,)", ""}) {
        auto const without = parse_containers("[" + replaced(kWeb, R"("Status":"",)", status) + "]");
        REQUIRE(without);
        CHECK(without->at(0).health.empty());
    }
    CHECK(parse_containers("[]")->empty());
}

TEST_CASE("a container without a key that is needed is an error that names the key and the entry") {
    struct {
        char const* what;
        char const* by;
        char const* key;
    } const rows[] = {
        {R"("Names":["systemd-web"])", R"("Names":[])", "Names"},
        {R"("Names":["systemd-web"])", R"("Names":"systemd-web")", "Names"},
        {R"("State":"running")", R"("State":7)", "State"},
        {R"("State":"running",)", "", "State"},
        {R"("Image":"web",)", "", "Image"},
        {R"("ImageID":"f00d",)", "", "ImageID"},
        {R"("Restarts":0)", R"("Restarts":null)", "Restarts"},
        {R"("Restarts":0)", R"("Restarts":-1)", "Restarts"},
        {R"("Restarts":0)", R"("Restarts":4294967296)", "Restarts"},
        {R"("ExitCode":137)", R"("ExitCode":"137")", "ExitCode"},
    };
    for (auto const& row : rows) {
        CAPTURE(row.by);
        auto const got = parse_containers("[" + kWeb + "," + replaced(kWeb, row.what, row.by) + "]");
        REQUIRE_FALSE(got);
        CHECK(got.error().is(Errc::bad_input));
        CHECK(got.error().context ==
              "podman's list of containers cannot be read: number 2 has no usable " + std::string{row.key});
    }
    CHECK(parse_containers("[7]").error().context ==
          "podman's list of containers cannot be read: number 1 is no object");
    CHECK(parse_containers("{}").error().context == "podman's list of containers is not a JSON list");
}

TEST_CASE("an image has its names and digests, once each, or none") {
    auto const got = parse_images(R"([{"Id":"a1","Names":["web:1","x/web@sha256:00"],)"
                                  R"("RepoDigests":["x/web@sha256:00","x/web@sha256:11"]},)"
                                  R"({"Id":"b2","Names":null},{"Id":"c3"}])");
    REQUIRE(got);
    CHECK(*got == std::vector<health::PodmanImage>{
                      {.id = "a1", .names = {"web:1", "x/web@sha256:00", "x/web@sha256:11"}},
                      {.id = "b2", .names = {}},
                      {.id = "c3", .names = {}}});
    CHECK(parse_images(R"([{"Names":["web:1"]}])").error().context ==
          "podman's list of images cannot be read: number 1 has no usable Id");
}

TEST_CASE("what podman refuses is told by its status, in its own words, on one line and not endlessly") {
    CHECK(health::refusal_of(404, R"({"message":"no such image"})").is(Errc::not_found));
    CHECK(health::refusal_of(409, "{}").is(Errc::refused));
    CHECK(health::refusal_of(500, "{}").is(Errc::io));
    CHECK(health::refusal_of(500, R"({"message":"one\n\ttwo"})").context == "podman answered 500: one  two");
    CHECK(health::refusal_of(500, R"({"message":7})").context == "podman answered 500");
    CHECK(health::refusal_of(301, "").context == "podman answered 301");
    auto const long_words = health::refusal_of(500, R"({"message":")" + std::string(299, 'x') + "ä" +
                                                        std::string(50, 'y') + "\"}");
    CHECK(long_words.context == "podman answered 500: " + std::string(299, 'x') + "…");
}

TEST_CASE("what podman says of a container for the status is kept short") {
    std::string const long_word(150, 'x');
    auto const got = health::parse_containers(
        R"([{"Names":["systemd-web"],"State":")" + long_word + R"(","Status":")" + long_word +
        R"(","Image":"web","ImageID":")" + long_word + R"(","Restarts":0,"ExitCode":0}])");
    REQUIRE(got);
    auto const cut = std::string(100, 'x') + "…";
    CHECK(got->at(0).state == cut);
    CHECK(got->at(0).health == cut);
    CHECK(got->at(0).image_id == cut);
}
