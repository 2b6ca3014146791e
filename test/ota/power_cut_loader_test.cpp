#include "ota/power_cut_loader.hpp"

#include "support/rauc_bundle.hpp"
#include "support/uboot_files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

using core::Slot;

namespace {

// What one power cycle did: slots tried and booted, and all variables afterwards.
struct Cycle {
    std::string tried;
    std::string booted;
    std::string variables;
    bool operator==(Cycle const&) const = default;
};

std::string sorted(std::string const& lines) {
    std::istringstream in{lines};
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    std::ranges::sort(all);
    std::string text;
    for (auto const& line : all) text += line + "\n";
    return text;
}

struct Files : test::UbootFiles {
    std::string loading;   // "AB": both load

    std::string variables() { return sorted(run({"/usr/bin/fw_printenv", "-c", config.string()})); }
    Cycle ours() {
        Cycle cycle;
        auto const booted = test::LoaderRules{config}.power_cycle([&](Slot slot) {
            cycle.tried += core::name(slot);
            return loading.find(core::name(slot)) != std::string::npos;
        });
        cycle.booted = booted ? core::name(*booted) : "none";
        cycle.variables = variables();
        return cycle;
    }
    Cycle theirs() {
        auto const script = "ENV_CONFIG='" + config.string() + "'; . '" + SOURCE_DIRECTORY +
                            "/deploy/sim/rules.sh'\n"
                            "boot() { tried+=$1; [[ '" +
                            loading +
                            "' == *$1* ]] && booted=$1; }\n"
                            "booted=none; power_cycle boot 2>/dev/null; echo \"$tried $booted\"";
        auto const said = run({"/bin/bash", "-c", script});
        Cycle cycle;
        auto const space = said.find(' ');
        cycle.tried = said.substr(0, space);
        cycle.booted = said.substr(space + 1, said.find('\n') - space - 1);
        cycle.variables = variables();
        return cycle;
    }
};

}   // namespace

TEST_CASE_FIXTURE(Files, "the loader's rules in this process are those of the boot-loader stand-in") {
    struct {
        char const* name;
        char const* variables;
        char const* loading;
    } const cases[] = {
        {"the first boots", "BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n", "AB"},
        {"the other way round, on trial", "BOOT_ORDER=B A\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\nATOMIX_TRIAL=B\n",
         "AB"},
        {"the first does not load", "BOOT_ORDER=B A\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n", "A"},
        {"used up", "BOOT_ORDER=B A\nBOOT_A_LEFT=3\nBOOT_B_LEFT=0\n", "AB"},
        {"out of the order", "BOOT_ORDER=A\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n", "B"},
        {"out of the order, with a slot in it that does not load",
         "BOOT_ORDER=A\nBOOT_A_LEFT=1\nBOOT_B_LEFT=0\n", "B"},
        {"the only one of the order is used up", "BOOT_ORDER=A\nBOOT_A_LEFT=0\nBOOT_B_LEFT=0\n", "AB"},
        {"none loads", "BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n", ""},
        {"none loads, their last tries", "BOOT_ORDER=A B\nBOOT_A_LEFT=1\nBOOT_B_LEFT=1\n", ""},
        {"all used up", "BOOT_ORDER=B A\nBOOT_A_LEFT=0\nBOOT_B_LEFT=0\n", "AB"},
        {"the only one of the order used up", "BOOT_ORDER=B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=0\n", "AB"},
        {"no order", "BOOT_ORDER=\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n", "AB"},
        {"an order of unknown names", "BOOT_ORDER=C a\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n", "B"},
        {"unknown names among known ones", "BOOT_ORDER=x B y\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n", "AB"},
        {"a slot twice", "BOOT_ORDER=B B A\nBOOT_A_LEFT=3\nBOOT_B_LEFT=2\n", "A"},
        {"no counters", "BOOT_ORDER=B A\nBOOT_A_LEFT=\nBOOT_B_LEFT=\n", "AB"},
        {"counters that are none", "BOOT_ORDER=B A\nBOOT_A_LEFT=zz\nBOOT_B_LEFT=-1\n", "A"},
        {"hexadecimal counters", "BOOT_ORDER=A B\nBOOT_A_LEFT=0x10\nBOOT_B_LEFT=0A\n", "B"},
        {"counters with zeros in front", "BOOT_ORDER=A B\nBOOT_A_LEFT=00\nBOOT_B_LEFT=002\n", "AB"},
        {"a counter that is too long", "BOOT_ORDER=A B\nBOOT_A_LEFT=000000000\nBOOT_B_LEFT=3\n", "AB"},
        {"one damaged copy", "damage", "AB"},
        {"no good copy", "lose", "AB"},
        {"no good copy, and A does not load", "lose", "B"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        std::string const variables = c.variables;
        if (variables == "damage" || variables == "lose") {
            set("BOOT_ORDER=B A\nBOOT_A_LEFT=2\nBOOT_B_LEFT=1\n");
            damage(0);
            if (variables == "lose") damage(1);
        } else {
            set(variables);
        }
        loading = c.loading;
        auto const copies = std::pair{bytes(0), bytes(1)};
        auto const they = theirs();
        test::write_whole(path(0), copies.first);
        test::write_whole(path(1), copies.second);
        auto const we = ours();
        CHECK(we.tried == they.tried);
        CHECK(we.booted == they.booted);
        CHECK(we.variables == they.variables);
    }
}
