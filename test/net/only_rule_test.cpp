#include "net/only_rule.hpp"

#include "net/network_namespace.hpp"

#include <doctest/doctest.h>

#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>

namespace {

// Of our socket to the packet filter, as the kernel lists it for this namespace.
unsigned address_of_rules() {
    std::ifstream list{"/proc/thread-self/net/netlink"};
    std::string line;
    while (std::getline(list, line)) {
        std::istringstream words{line};
        std::string pointer;
        unsigned family = 0, address = 0;
        if (words >> pointer >> family >> address && family == NETLINK_NETFILTER && address != 0)
            return address;
    }
    FAIL("no netlink socket is listed");
    return 0;
}

// Into the queue of our socket, as if it were the kernel's.
void leave_answer(int error, unsigned times) {
    core::OwnedFd const other{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)};
    sockaddr_nl to{};
    to.nl_family = AF_NETLINK;
    to.nl_pid = address_of_rules();
    struct {
        nlmsghdr header{};
        nlmsgerr body{};
    } answer;
    answer.header.nlmsg_len = sizeof answer;
    answer.header.nlmsg_type = NLMSG_ERROR;
    answer.body.error = error;
    for (unsigned i = 0; i < times; ++i)
        REQUIRE(::sendto(other.get(), &answer, sizeof answer, 0, reinterpret_cast<sockaddr const*>(&to),
                         sizeof to) == sizeof answer);
}

struct World {
    test::NetworkNamespace space;
    net::RuleSocket rules;

    World() {
        space.shell("nft 'table inet atomix { counter refused {}; chain visitors { accept; counter drop; }; "
                    "chain others { drop; }; }'");
    }
    bool lists(std::string const& chain, std::string const& rules_of_it) const {
        return space.succeeds("test \"$(nft list chain inet atomix " + chain +
                              " | sed '1,2d; /^\\t*}$/d; s/^\\t*//')\" = '" + rules_of_it + "'");
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "a chain's rules are replaced by one, which nft lists as its text") {
    for (auto const& rule :
         {net::OnlyRule{"visitors", "refused", false}, net::OnlyRule{"visitors", "", true},
          net::OnlyRule{"visitors", "refused", true}, net::OnlyRule{"visitors", "", false}}) {
        REQUIRE(rules.set(rule).has_value());
        CHECK(lists("visitors", net::text_of(rule)));
    }
    CHECK(lists("others", "drop"));
}

TEST_CASE_FIXTURE(World, "an empty chain gets its rule") {
    space.shell("nft flush chain inet atomix visitors");
    REQUIRE(rules.set({"visitors", "", true}).has_value());
    CHECK(lists("visitors", "accept"));
}

TEST_CASE_FIXTURE(World, "a rule that the kernel refuses changes nothing and leaves the socket usable") {
    auto const no_counter = rules.set({"visitors", "unknown", false});
    REQUIRE_FALSE(no_counter.has_value());
    CHECK(no_counter.error().is(core::Errc::refused));
    CHECK(no_counter.error().text().find("the kernel refuses a rule: No such file or directory") !=
          std::string::npos);
    CHECK(lists("visitors", "accept\ncounter packets 0 bytes 0 drop"));
    CHECK(rules.set({"nowhere", "", true}).error().is(core::Errc::refused));
    CHECK(rules.set({"visitors", "refused", false}).has_value());
}

TEST_CASE_FIXTURE(World, "what is left of an earlier answer is not taken for the next one") {
    leave_answer(0, 3);
    CHECK_FALSE(rules.set({"visitors", "unknown", false}).has_value());
    CHECK(lists("visitors", "accept\ncounter packets 0 bytes 0 drop"));
    leave_answer(-EPERM, 3);
    CHECK(rules.set({"visitors", "refused", false}).has_value());
    CHECK(lists("visitors", "counter name \"refused\" drop"));
}
