// "Error in": each book of a verdict cannot be written, one at a time. "Killed in" is power_cut_test.cpp's,
// which cuts at every write of all of them.

#include "ota/settlement.hpp"

#include "support/life_cycle_world.hpp"

using core::Slot;
using core::Verdict;

namespace {

namespace fs = std::filesystem;

// While it lives, the file can be neither written nor read, and then it is as it was.
class Blocked {
public:
    explicit Blocked(fs::path file) : file_{std::move(file)}, away_{file_.string() + ".away"} {
        if (fs::exists(file_)) fs::rename(file_, away_);
        fs::create_directories(file_ / "in the way");
    }
    Blocked(Blocked const&) = delete;
    ~Blocked() {
        fs::remove_all(file_);
        if (fs::exists(away_)) fs::rename(away_, file_);
    }

private:
    fs::path file_;
    fs::path away_;
};

struct End {
    Slot slot;
    std::vector<Slot> order;
    std::optional<Slot> trial;
    std::optional<Slot> committed;
    std::size_t told;   // in the history
    bool told_as_committed;
    std::string reason;
    std::size_t rejected;
};

// A device that was on trial, after the verdict and some boots more.
End end_of(Verdict verdict, std::string const& broken) {
    test::Device device;
    device.put_on_trial();
    {
        test::Boot boot{device.data.path(), device.board, device.env};
        std::optional<Blocked> blocked;
        if (!broken.empty()) blocked.emplace(device.data / "state" / broken);
        run_until_quiet(boot, verdict);
        CHECK(device.env.state.order.front() == (verdict == Verdict::commit ? Slot::b : Slot::a));
    }
    for (int boots = 0; boots < 3; ++boots) {
        device.power_cycle();
        test::Boot boot{device.data.path(), device.board, device.env};
        run_until_quiet(boot, verdict);
    }
    auto const books = device.books();
    auto const& told = books.history().outcomes;
    REQUIRE_MESSAGE(!told.empty(), broken);
    return {.slot = device.board.slot,
            .order = device.env.state.order,
            .trial = device.env.state.trial,
            .committed = books.committed().last,
            .told = told.size(),
            .told_as_committed = told.back().committed,
            .reason = told.back().reason,
            .rejected = books.ledger().entries().size()};
}

}   // namespace

TEST_CASE("a verdict one of whose books cannot be written stands, and the books are right when they can be") {
    for (auto const verdict : {Verdict::commit, Verdict::roll_back}) {
        auto const want = end_of(verdict, "");
        CHECK(want.told_as_committed == (verdict == Verdict::commit));
        for (auto const* broken :
             {"update.json", "committed.json", "history.json", "ledger.json", "trial-end"}) {
            CAPTURE(std::string{broken});
            CAPTURE(std::string{core::name(verdict)});
            auto const got = end_of(verdict, broken);
            CHECK(got.slot == want.slot);
            CHECK(got.order == want.order);
            CHECK(got.trial == want.trial);
            CHECK(got.committed == want.committed);
            CHECK(got.told == want.told);
            CHECK(got.told_as_committed == want.told_as_committed);
            // The verdict's own words are in update.json only.
            auto const reason = broken != std::string_view{"update.json"} ? want.reason
                                : verdict == Verdict::commit
                                    ? "every required probe held for the whole window"
                                    : "slot B was rolled back, and why could not be recorded";
            CHECK(got.reason == reason);
            CHECK(got.rejected == want.rejected);
        }
    }
}
