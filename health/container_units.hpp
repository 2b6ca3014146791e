#pragma once
// The units of one owner's containers, networks, volumes and builds, made to be as wanted: their files, and
// that they run. One look after the other; what it takes to get there is systemd's (a pull, a build), and
// nothing here waits for it.

#include "core/backoff.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/units.hpp"
#include "health/unit_files.hpp"

#include <optional>

namespace health {

using core::Task;

class ContainerUnits {
public:
    struct Places {
        std::filesystem::path files;   // the directory of unit files
        std::filesystem::path
            unread;   // a mark of ours: files that systemd has not read yet. Does not survive a boot
        Readers readers;
    };

    ContainerUnits(core::Clock& clock,
                   core::Log log,
                   std::vector<QuadletFile> wanted,
                   LeftOver left_over = LeftOver::remove);

    // Does what can be done now. Fails when nothing is known any more: the connection has ended. What cannot
    // be brought about is in errors(), and tried again not before next().
    Task<Result<void>> look(core::Units& units, Places places);

    bool has_wanted() const { return !wanted_.empty(); }
    UnitStates const& states() const { return states_; }
    std::vector<std::string> const& errors() const { return errors_; }
    bool as_wanted() const { return as_wanted_; }                   // every file is, and systemd has read it
    std::optional<core::TimePoint> next() const { return next_; }   // of an attempt that waits for its time

private:
    struct Attempts {
        unsigned in_a_row = 0;
        core::TimePoint last{};
        core::TimePoint not_before{};
    };

    Task<Result<Steps>> converge(core::Units& units, Places places);
    Task<Result<void>> read_states(core::Units& units, std::vector<UnitFile> there);
    Task<Result<void>> stop(core::Units& units, std::vector<std::string> services);
    Task<Result<void>> start(core::Units& units, std::vector<std::string> services);
    void note_builds(UnitStates const& now);
    void note_answer(std::string const& service, core::Result<void> const& taken);
    void forget_all_but(Steps const& asked);
    bool is_due(std::string const& what);
    void attempted(std::string const& what);

    core::Clock& clock_;
    core::Log log_;
    std::vector<QuadletFile> wanted_;
    LeftOver left_over_;
    UnitStates states_;
    std::set<std::string> built_;                  // services of builds that are done
    std::map<std::string, Attempts> attempts_;     // by service, stop_of() one, or kFiles
    std::map<std::string, std::string> refused_;   // systemd's words, by service: what it was asked for last
    std::map<std::string, unsigned> unmade_;       // readings that made no unit, by service
    std::vector<std::string> errors_;
    std::optional<core::TimePoint> next_;
    bool as_wanted_ = false;
};

}   // namespace health
