#include "config/podman_args.hpp"

#include <doctest/doctest.h>

#include <array>

TEST_CASE("a line is cut into words as a command line is") {
    using Words = std::vector<std::string>;
    CHECK(config::words_of("") == Words{});
    CHECK(config::words_of("  a\tb  ") == Words{"a", "b"});
    CHECK(config::words_of(R"(a "b  c" 'd "e' f"g h"i "")") == Words{"a", "b  c", "d \"e", "fg hi", ""});
    CHECK(config::words_of("a \"b c") == Words{"a", "b c"});   // podman would refuse it
}

TEST_CASE("an option that decides what is decided elsewhere is refused, however it is written") {
    struct {
        std::string_view line;
        std::string want;
    } const cases[] = {
        {"--network=host",
         "\"--network\" is refused, because whether a container is privileged says which network it has"},
        {"--memory 1g --net host",
         "\"--net\" is refused, because whether a container is privileged says which network it has"},
        {R"("--network" host)",
         "\"--network\" is refused, because whether a container is privileged says which network it has"},
        {R"(--net"work"=host)",
         "\"--network\" is refused, because whether a container is privileged says which network it has"},
        {"--publish 80:80", "\"--publish\" is refused, because PublishPort says what is published"},
        {"-p 80:80", "\"-p\" is refused, because PublishPort says what is published"},
        {"-p80:80", "\"-p\" is refused, because PublishPort says what is published"},
        {"-p=80:80", "\"-p\" is refused, because PublishPort says what is published"},
        {"-itp80:80", "\"-itp\" is refused, because PublishPort says what is published"},
        {"-t -e A=b -dP", "\"-dP\" is refused, because PublishPort says what is published"},
        {"-itP", "\"-itP\" is refused, because PublishPort says what is published"},
        {"--publish-all", "\"--publish-all\" is refused, because PublishPort says what is published"},
        {"--pod=x", "\"--pod\" is refused, because this document has no pods"},
        {"--name x", "\"--name\" is refused, because ContainerName says how podman calls it"},
        {R"(\x2d-network=host)", "must not have a backslash in it"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.line);
        CHECK(config::refusal_of_podman_args(c.line) == c.want);
    }
}

TEST_CASE("other options of podman are the operator's") {
    for (auto const* const line :
         {"", "--privileged --pid=host", "--network-alias web", "-v /a:/b", "--cpus=1.5",
          "--log-opt path=/x -e A=b", "--namespace",
          // values that stand in their option's word
          "-ePASSWORD=x", "-v/opt/p:/P", "-itePATH=/opt", "-e=PATH=p", "-lP", "-hpump", "-upi:pi",
          "-w/opt/app", "-m1Gp", "-c512p", "-aSTDOUTP", "-t=p", "-", "-="}) {
        CAPTURE(line);
        CHECK(config::refusal_of_podman_args(line) == std::nullopt);
    }
}

TEST_CASE("no value of an option is shown, wherever it stands") {
    static constexpr std::string_view kSecret = "hunter2";
    for (auto const* const option : {"-e", "-e ", "-itp", "-p", "-p ", "-p=", "-P -e", "--env ", "--env=",
                                     "--env=A=", "-v/", "--name=", "--pod=", "--net=", "--publish=", "-eP="})
        for (auto const* const refused : {"", " -p 80:80", " --name=x", " --network host"}) {
            auto const line = option + std::string{kSecret} + refused;
            CAPTURE(line);
            auto const why = config::refusal_of_podman_args(line);
            if (*refused != '\0') REQUIRE(why);
            CHECK(why.value_or("").find(kSecret) == std::string::npos);
        }
}

TEST_CASE("words that end a command before its end are refused") {
    static constexpr auto kEmpty = "must not have an empty word, with which Quadlet ends the command";
    static constexpr auto kSemicolon = "must not have ; as a word, with which systemd ends the command";
    CHECK(config::refusal_of_exec("sh -c 'a; b'") == std::nullopt);
    CHECK(config::refusal_of_exec("") == std::nullopt);
    CHECK(config::refusal_of_exec("sh ; reboot") == kSemicolon);
    CHECK(config::refusal_of_exec("sh \";\" reboot") == kSemicolon);
    CHECK(config::refusal_of_exec("sh '' x") == kEmpty);
    CHECK(config::refusal_of_word("") == kEmpty);
    CHECK(config::refusal_of_word(";") == kSemicolon);
    CHECK(config::refusal_of_word(";;") == std::nullopt);
    CHECK(config::refusal_of_word("\"\"") == std::nullopt);   // two characters, as they are
}
