#include "health/quadlet.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace {

using config::ContainerUnit;
using config::QuadletDirective;
using health::ContainerOwner;
using Kind = config::ContainerUnitKind;

health::QuadletPaths const kPaths{.config = "/data/config", .files = "/data/config/files"};

ContainerUnit container(std::string name, bool privileged, std::vector<QuadletDirective> directives) {
    return {.kind = Kind::container,
            .name = std::move(name),
            .privileged = privileged,
            .sections = {{"Container", std::move(directives)}}};
}
ContainerUnit
unit(Kind kind, std::string name, std::string section, std::vector<QuadletDirective> directives) {
    return {.kind = kind,
            .name = std::move(name),
            .privileged = false,
            .sections = {{std::move(section), std::move(directives)}}};
}

std::vector<health::QuadletFile> render(std::vector<ContainerUnit> units) {
    return health::render_quadlets({.units = std::move(units), .required = {}, .warnings = {}}, kPaths);
}

// The lines of [Container] of the first file, without the address that pasta has in each.
std::string rendered(std::vector<ContainerUnit> units) {
    auto const files = render(std::move(units));
    REQUIRE_FALSE(files.empty());
    auto const& text = files.front().text;
    auto const begin = text.find("[Container]\n") + 12;
    auto lines = text.substr(begin, text.find("\n\n", begin) + 1 - begin);
    if (auto const address = lines.find(":-a,"); address != std::string::npos)
        lines.erase(address, lines.find('\n', address) - address);
    return lines;
}
std::string rendered(std::vector<QuadletDirective> directives, bool privileged = false) {
    return rendered(std::vector{container("web", privileged, std::move(directives))});
}

// "web.container of the system"
std::vector<std::string> owned(std::vector<health::QuadletFile> const& files) {
    std::vector<std::string> lines;
    for (auto const& file : files)
        lines.push_back(file.name +
                        (file.owner == ContainerOwner::system ? " of the system" : " of the app user"));
    return lines;
}

}   // namespace

// The reference's worked rendering (atomixos.md 2.9), and what this program adds below it.
TEST_CASE("a container without privileges is rendered as the reference does, with how its service is run") {
    auto const files =
        render({{.kind = Kind::container,
                 .name = "myapp",
                 .privileged = false,
                 .sections = {{"Unit", {{"Description", {"My app"}}, {"After", {"a", "b"}, true}}},
                              {"Container",
                               {{"Image", {"localhost/myapp:1"}},
                                {"Network", {"frontend"}, true},
                                {"PublishPort", {"127.0.0.1:10080:80", "127.0.0.1:10081:81"}, true},
                                {"ReadOnly", {"true"}}}},
                              {"Install", {{"WantedBy", {"default.target"}}}}}}});
    REQUIRE(files.size() == 1);
    CHECK(files[0].owner == ContainerOwner::app_user);
    CHECK(files[0].kind == Kind::container);
    CHECK(files[0].name == "myapp.container");
    CHECK(files[0].service == "myapp.service");
    CHECK(files[0].container == "systemd-myapp");
    CHECK(files[0].text == R"([Unit]
Description=My app
After=a
After=b
StartLimitIntervalSec=0

[Container]
Image=localhost/myapp:1
Network=pasta:-a,169.254.2.1,-n,16,-g,169.254.2.2
PublishPort=127.0.0.1:10080:80
PublishPort=127.0.0.1:10081:81
ReadOnly=true

[Install]
WantedBy=default.target

[Service]
Restart=always
RestartSec=10
TimeoutStartSec=900
)");
}

TEST_CASE("a privileged container is the system's and in the host's network, whatever was written") {
    auto const files = render({container("cockpit", true, {{"Image", {"i"}}})});
    REQUIRE(files.size() == 1);
    CHECK(files[0].owner == ContainerOwner::system);
    CHECK(files[0].text == R"([Unit]
StartLimitIntervalSec=0

[Container]
Image=i
Network=host

[Service]
Restart=always
RestartSec=10
TimeoutStartSec=900
)");
    CHECK(rendered({{"Network", {"a", "b"}, true}, {"Image", {"i"}}}, true) == "Network=host\nImage=i\n");
}

TEST_CASE("a start limit of the operator's own stays") {
    for (auto const* const key : {"StartLimitIntervalSec", "StartLimitInterval"}) {
        CAPTURE(key);
        auto web = container("web", false, {{"Image", {"i"}}});
        web.sections.insert(web.sections.begin(), {"Unit", {{key, {"1h"}}}});
        CHECK(render({web})[0].text.starts_with("[Unit]\n" + std::string{key} + "=1h\n\n[Container]"));
    }
}

TEST_CASE("networks, volumes and builds have only their own section, and networks are internal") {
    auto const files = render({unit(Kind::network, "front", "Network", {{"Subnet", {"10.89.0.0/24"}}}),
                               unit(Kind::network, "back", "Network", {{"Internal", {"true"}}}),
                               unit(Kind::volume, "data", "Volume", {}),
                               unit(Kind::build, "site", "Build",
                                    {{"ImageTag", {"localhost/site:1", "localhost/site:2"}, true},
                                     {"SetWorkingDirectory", {"${FILES_DIR}/site"}}})});
    REQUIRE(files.size() == 4);
    CHECK(files[0].text == "[Network]\nSubnet=10.89.0.0/24\nInternal=true\n");
    CHECK(files[0].service == "front-network.service");
    CHECK(files[0].container == "");
    CHECK(files[1].text == "[Network]\nInternal=true\n");
    CHECK(files[2].text == "[Volume]\n");
    CHECK(files[2].name == "data.volume");
    CHECK(files[2].service == "data-volume.service");
    CHECK(files[3].text == "[Build]\nImageTag=localhost/site:1\nImageTag=localhost/site:2\n"
                           "SetWorkingDirectory=/data/config/files/site\n");
    CHECK(files[3].service == "site-build.service");
    CHECK(owned(files) == std::vector<std::string>{"front.network of the system",
                                                   "back.network of the system", "data.volume of the system",
                                                   "site.build of the system"});
}

TEST_CASE("a declared volume is linked by its unit's name, however it was written") {
    CHECK(rendered(std::vector{
              container("web", false,
                        {{"Volume",
                          {"data:/a", "data.volume:/b:ro", "database:/c", "/data:/d", "/x", "data"},
                          true}}),
              unit(Kind::volume, "data", "Volume", {})}) ==
          "Volume=data.volume:/a\nVolume=data.volume:/b:ro\nVolume=database:/c\nVolume=/data:/d\nVolume=/x\n"
          "Volume=data\nNetwork=pasta\n");
}

TEST_CASE("a volume is owned by who uses it, under each of its names") {
    auto const data = unit(Kind::volume, "data", "Volume", {});
    auto const owners = [&](std::vector<ContainerUnit> containers) {
        containers.push_back(data);
        auto files = owned(render(std::move(containers)));
        return std::vector<std::string>(
            std::ranges::find_if(files, [](auto const& file) { return file.starts_with("data"); }),
            files.end());
    };
    auto const rootful = std::string{"data.volume of the system"};
    auto const rootless = std::string{"data.volume of the app user"};
    using Owners = std::vector<std::string>;
    CHECK(owners({}) == Owners{rootful});
    CHECK(owners({container("a", false, {{"Volume", {"/data:/x"}}})}) == Owners{rootful});
    CHECK(owners({container("a", false, {{"Volume", {"data:/x"}}})}) == Owners{rootless});
    CHECK(owners({container("a", false, {{"Volume", {"data.volume:/x"}}})}) == Owners{rootless});
    CHECK(owners({container("a", false, {{"Mount", {"type=volume,source=data.volume,destination=/x"}}})}) ==
          Owners{rootless});
    CHECK(owners({container("a", true, {{"Volume", {"/x", "data:/x"}, true}})}) == Owners{rootful});
    CHECK(owners({container("a", false, {{"Volume", {"data:/x"}}}),
                  container("b", true, {{"Volume", {"data:/x"}}})}) == Owners{rootful, rootless});
}

TEST_CASE("a build is owned by who runs its first tag, or its unit") {
    auto const site =
        unit(Kind::build, "site", "Build", {{"ImageTag", {"localhost/site:1", "other:1"}, true}});
    auto const owners = [&](std::string image, bool privileged) {
        return owned(render({container("a", privileged, {{"Image", {std::move(image)}}}), site})).back();
    };
    CHECK(owners("localhost/site:1", false) == "site.build of the app user");
    CHECK(owners("site.build", false) == "site.build of the app user");
    CHECK(owners("localhost/site:1", true) == "site.build of the system");
    CHECK(owners("other:1", false) == "site.build of the system");
}

TEST_CASE("the words of a list of Exec arrive as they were written") {
    CHECK(rendered({{"Exec", {"httpd", "-f", "--port=8080"}, true}}) ==
          "Exec=httpd -f --port=8080\nNetwork=pasta\n");
    CHECK(rendered({{"Exec", {"sh", "-c", R"(echo "$HOME" 'a\b' 100%; exit)", "a\tb", "ü"}, true}}) ==
          R"(Exec=sh -c "echo \"$$HOME\" 'a\\b' 100%%; exit" "a\tb" "ü")"
          "\nNetwork=pasta\n");
    CHECK(rendered({{"Exec", {"%n", "${X}"}, true}}) == "Exec=%%n \"$${X}\"\nNetwork=pasta\n");
    CHECK(rendered({{"Exec", {"one word"}, true}}) == "Exec=\"one word\"\nNetwork=pasta\n");
}

TEST_CASE("a text is Quadlet's own line") {
    CHECK(rendered({{"Exec", {"sh -c \"echo $${HOME} %n\""}}, {"Environment", {"A=50% \"B=c d\""}}}) ==
          "Exec=sh -c \"echo $${HOME} %n\"\nEnvironment=A=50% \"B=c d\"\nNetwork=pasta\n");
}

TEST_CASE("paths take the place of their tokens, and systemd sees nothing else in them") {
    CHECK(rendered({{"EnvironmentFile", {"${CONFIG_DIR}/a.env"}},
                    {"Volume", {"${FILES_DIR}:/x:ro", "${FILES_DIR}/${CONFIG_DIR}:/y"}, true},
                    {"Exec", {"cat", "${FILES_DIR}/a b"}, true}}) ==
          "EnvironmentFile=/data/config/a.env\nVolume=/data/config/files:/x:ro\n"
          "Volume=/data/config/files//data/config:/y\nExec=cat \"/data/config/files/a b\"\nNetwork=pasta\n");

    health::QuadletPaths const odd{.config = "/c", .files = "/50%/${CONFIG_DIR}"};
    auto const files =
        health::render_quadlets({.units = {container("web", true, {{"Volume", {"${FILES_DIR}:/x"}}})},
                                 .required = {},
                                 .warnings = {}},
                                odd);
    CHECK(files[0].text.find("Volume=/50%%/${CONFIG_DIR}:/x\n") != std::string::npos);
}

TEST_CASE("a container that the operator has named is known by that name") {
    CHECK(render({container("web", false, {{"ContainerName", {"shop"}}})})[0].container == "shop");
}
