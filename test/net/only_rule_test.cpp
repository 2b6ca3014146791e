#include "net/only_rule.hpp"

#include "net/network_namespace.hpp"

#include <doctest/doctest.h>

namespace {

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
