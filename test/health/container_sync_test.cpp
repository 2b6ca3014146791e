#include "health/container_sync.hpp"

#include <doctest/doctest.h>

using health::next_steps;
using health::QuadletFile;
using health::Steps;
using health::UnitFile;
using Kind = config::ContainerUnitKind;
using Names = std::vector<std::string>;

namespace {

QuadletFile
file(Kind kind, std::string const& name, std::string const& service, std::string const& text = "[X]\n") {
    QuadletFile made;
    made.kind = kind;
    made.name = name;
    made.service = service;
    made.text = text;
    return made;
}
QuadletFile const web = file(Kind::container, "web.container", "web.service");
QuadletFile const other_web = file(Kind::container, "web.container", "web.service", "[Y]\n");
UnitFile there(QuadletFile const& wanted) {
    return {wanted.name, marked(wanted)};
}
core::UnitState unit(std::string active, std::string load = "loaded") {
    return {
        .load = std::move(load), .file = "/run/systemd/generator/web.service", .active = std::move(active)};
}

}   // namespace

TEST_CASE("what is to be done with one container follows from its file and its service") {
    UnitFile const foreign{"web.container", "[Container]\nImage=x\n"};
    auto const nothing = unit("inactive", "not-found");
    UnitFile const ours = there(web), wanted = there(other_web);
    struct {
        char const* name;
        std::vector<QuadletFile> want;
        std::vector<UnitFile> there;
        core::UnitState state;
        Steps steps;
    } const cases[] = {
        {"new", {web}, {}, nothing, {.write = {ours}}},
        {"as wanted and running", {web}, {ours}, unit("active"), {}},
        {"as wanted and coming", {web}, {ours}, unit("activating"), {}},
        {"as wanted and down", {web}, {ours}, unit("inactive"), {.start = {"web.service"}}},
        {"as wanted and failed", {web}, {ours}, unit("failed"), {.start = {"web.service"}}},
        {"the generator made nothing of it", {web}, {ours}, nothing, {.unmade = {"web.service"}}},
        {"changed while it runs",
         {other_web},
         {ours},
         unit("active"),
         {.stop = {"web.service"}, .waiting = true}},
        {"changed while it is coming",
         {other_web},
         {ours},
         unit("activating"),
         {.stop = {"web.service"}, .waiting = true}},
        {"changed and on its way down", {other_web}, {ours}, unit("deactivating"), {.waiting = true}},
        {"changed and down", {other_web}, {ours}, unit("inactive"), {.write = {wanted}}},
        {"left over and running", {}, {ours}, unit("active"), {.stop = {"web.service"}, .waiting = true}},
        {"left over and down", {}, {ours}, unit("failed"), {.remove = {"web.container"}}},
        {"left over, and systemd has forgotten it", {}, {ours}, nothing, {.remove = {"web.container"}}},
        {"somebody else's", {}, {foreign}, unit("active"), {}},
        {"somebody else's in the way",
         {web},
         {foreign},
         unit("active"),
         {.errors =
              {"web.container is there already and is not ours: remove it, or give yours another name"}}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const steps = next_steps(c.want, c.there, {{"web.service", c.state}});
        CHECK(steps.stop == c.steps.stop);
        CHECK(steps.write == c.steps.write);
        CHECK(steps.remove == c.steps.remove);
        CHECK(steps.start == c.steps.start);
        CHECK(steps.unmade == c.steps.unmade);
        CHECK(steps.waiting == c.steps.waiting);
        CHECK(steps.errors == c.steps.errors);
    }
}

TEST_CASE("a unit that is made of another file than Quadlet's is never replaced, started or stopped") {
    core::UnitState const systems{
        .load = "loaded", .file = "/usr/lib/systemd/system/web.service", .active = "active"};
    auto const fresh = next_steps({web}, {}, {{"web.service", systems}});
    CHECK(fresh.errors == Names{"web.service is made of /usr/lib/systemd/system/web.service already: give "
                                "web.container another name"});
    CHECK(fresh.write.empty());
    // It came later, and hides ours.
    CHECK(next_steps({web}, {there(web)}, {{"web.service", systems}}).start.empty());
    auto const left_over = next_steps({}, {there(web)}, {{"web.service", systems}});
    CHECK(left_over.stop.empty());
    CHECK(left_over.remove == Names{"web.container"});
}

TEST_CASE("what is left over is kept where that is said, and what is wanted is brought about as ever") {
    auto const old = file(Kind::container, "old.container", "old.service");
    for (auto const* state : {"active", "inactive"}) {
        auto const steps = next_steps({other_web}, {there(old), there(web)},
                                      {{"old.service", unit(state)}, {"web.service", unit("inactive")}}, {},
                                      health::LeftOver::keep);
        CHECK(steps == Steps{.write = {there(other_web)}});
    }
}

TEST_CASE("only what changed is touched, and starts are asked for in the order of need") {
    auto const image = file(Kind::build, "site.build", "site-build.service");
    auto const net = file(Kind::network, "front.network", "front-network.service");
    auto const disk = file(Kind::volume, "data.volume", "data-volume.service");
    auto const second = file(Kind::container, "db.container", "db.service");
    health::UnitStates const states{{"web.service", unit("active")},
                                    {"db.service", unit("inactive")},
                                    {"data-volume.service", unit("inactive")},
                                    {"front-network.service", unit("failed")},
                                    {"site-build.service", unit("inactive")}};
    auto const steps = next_steps({other_web, second, net, disk, image},
                                  {there(web), there(second), there(net), there(disk), there(image)}, states);
    CHECK(steps.stop == Names{"web.service"});
    CHECK(steps.start ==
          Names{"site-build.service", "front-network.service", "data-volume.service", "db.service"});
    CHECK(steps.write.empty());
}

TEST_CASE("a file of ours says which service it makes, and the first line alone makes it ours") {
    CHECK(health::service_of_ours(marked(web)) == "web.service");
    CHECK(marked(web) == "# Written by atomixd for web.service: it undoes what is changed here\n[X]\n");
    for (auto const* text :
         {"", "[X]\n", "\n# Written by atomixd for web.service: it undoes what is changed here\n",
          "# Written by atomixd for web",
          "# Written by atomixd for a\nb: it undoes what is changed here\n"}) {
        CAPTURE(text);
        CHECK(!health::service_of_ours(text));
    }
}

TEST_CASE("the services to ask for are those that are wanted and those of our files, once each") {
    auto const second = file(Kind::container, "db.container", "db.service");
    CHECK(health::services_of({web}, {there(web), there(second), {"x.container", "[X]\n"}}) ==
          Names{"db.service", "web.service"});
}

TEST_CASE("Quadlet's files are told by their endings") {
    for (auto const* name : {"a.container", "a.network", "a.volume", "a.build"})
        CHECK(health::is_quadlet(name));
    for (auto const* name : {"a.container.new", "a.service", "container", "a.pod"})
        CHECK(!health::is_quadlet(name));
}
