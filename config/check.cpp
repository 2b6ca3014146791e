#include "config/check.hpp"

namespace config {

void Check::problem(Place at, std::string what) {
    std::pair const order{at.line, at.column};
    problems_.emplace(order, Problem{std::move(at), std::move(what)});
}

Problems Check::take() {
    Problems problems;
    auto const more = problems_.size() > kMostProblems ? problems_.size() - kMostProblems : 0;
    for (auto& [order, problem] : problems_) {
        if (problems.size() == kMostProblems) {
            problem.what = "from here on " + std::to_string(more) + " more problems are not listed";
            problems.push_back(std::move(problem));
            break;
        }
        problems.push_back(std::move(problem));
    }
    problems_.clear();
    return problems;
}

}   // namespace config
