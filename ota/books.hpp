#pragma once
// The four state files of the update life cycle, read once at start and written through. An unreadable one is
// set aside, reported, and treated as absent.

#include "core/state_file.hpp"
#include "ota/history.hpp"
#include "ota/ledger.hpp"
#include "ota/progress.hpp"
#include "ota/trial_end.hpp"
#include "ota/update_record.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ota {

class Books {
public:
    // Reads everything under `directory` (<data>/state). What was unreadable is in problems().
    // `survive`: what is written outlives this boot.
    explicit Books(std::filesystem::path const& directory, bool survive = true);

    bool survive() const noexcept { return survive_; }
    std::optional<UpdateRecord> const& update() const noexcept { return update_; }
    Ledger const& ledger() const noexcept { return ledger_; }
    History const& history() const noexcept { return history_; }
    Committed const& committed() const noexcept { return committed_; }
    std::vector<std::string> const& problems() const noexcept { return problems_; }

    // How far a download has come: read when one begins, written by the pool while it runs
    // (ota/installation.cpp). An unreadable one is set aside and counts as none: it costs a download, nothing
    // else.
    std::optional<Progress> read_progress() const;
    core::StateFile const& progress_file() const noexcept { return progress_file_; }

    TrialEnd const& trial_end() const noexcept { return trial_end_; }

    // Durable when they return; on an error the old content stands, here and on disk. A value that is there
    // already is not written again.
    core::Result<void> set(UpdateRecord record);
    core::Result<void> set(Ledger ledger);
    core::Result<void> set(History history);
    core::Result<void> set(Committed committed);

private:
    template <class Value, class Parse> void read(core::StateFile const& file, Value& into, Parse parse);

    bool survive_;
    core::StateFile update_file_;
    core::StateFile ledger_file_;
    core::StateFile history_file_;
    core::StateFile committed_file_;
    core::StateFile progress_file_;
    TrialEnd trial_end_;
    std::optional<UpdateRecord> update_;
    Ledger ledger_;
    History history_;
    Committed committed_;
    std::vector<std::string> problems_;
};

}   // namespace ota
