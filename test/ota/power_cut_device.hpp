#pragma once
// A whole device without its kernel: slot files, a boot environment with two copies and the state files in
// one directory, the boot loader's rules, and the parts of ota/ as main.cpp wires them. Its power can go
// between any two power cycles.

#include "core/device_state.hpp"
#include "ota/books.hpp"
#include "support/cut_medium.hpp"
#include "support/rauc_bundle.hpp"
#include "support/temporary_directory.hpp"

#include <optional>
#include <string>
#include <vector>

namespace test {

// What is in play: the bundle on the server, and what the slots hold before it.
struct Releases {
    Images older;   // in the spare slot
    Images old;     // committed, index 9
    Images fresh;   // on the server, index 10
    std::string bundle;
    ota::Installed installed;   // of fresh
};
Releases const& releases();   // made once

enum class Holds { nothing, older, old, fresh, a_mixture };

class CutDevice {
public:
    // Fast where memory is a file system.
    CutDevice();

    std::filesystem::path const& path() const { return at_.path(); }
    // `running` is committed and holds `old`; the other slot holds `older`; another bundle is in the ledger.
    Tree before_update(core::Slot running) const;
    void put(Tree const& tree);
    Tree get() const;

    // Whether the loader could start what is in the slot: it needs the first sector of both (the boot record
    // of a FAT file system, the superblock of squashfs), and cannot tell whether the rest is there.
    bool can_load(core::Slot slot) const;
    Holds holds(core::Slot slot) const;
    ota::Books books() const { return ota::Books{path() / "state"}; }
    std::string variable(std::string const& name) const;

    struct Boot {
        std::optional<core::Slot> slot;   // nothing: none loaded
        Holds holds = Holds::nothing;
        bool was_trial = false;
        bool has_baseline = false;   // the trial knew which probes failed before the update
        bool has_resumed = false;    // wrote a slot, and fetched less than that takes
        bool is_quiet = false;       // otherwise it asked for a reboot
        std::string version;
        std::vector<std::string> problems;   // standing ones, as the status shows them
        std::vector<std::string> log;
        std::string stuck;   // why it came to no end
    };
    // Power on, until atomixd asks for a reboot or has nothing left to do but poll. A trial is judged at
    // once.
    Boot power_cycle(core::Verdict verdict);

private:
    struct Directory {
        Directory();
        ~Directory();
        std::filesystem::path path_;
        std::filesystem::path const& path() const { return path_; }
    };
    Boot run(core::Slot slot, core::Verdict verdict);

    Directory at_;       // what a cut leaves
    Directory beside_;   // fw_env.config
    int boots_ = 0;
};

}   // namespace test
