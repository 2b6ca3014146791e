#include "config/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>

namespace config {
namespace {

struct Refused {
    Place at;
    std::string what;
};

// yaml-cpp's own Node shares aliased parts (and can hold cycles) and keeps duplicate keys; its events do not.
class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(std::string const& file, Check& check) : file_{file}, check_{check} {}

    std::optional<Node> take() { return std::exchange(root_, {}); }

    void OnDocumentStart(YAML::Mark const& mark) override {
        if (root_) throw Refused{place(mark), "a second document begins here; only one is allowed"};
    }
    void OnDocumentEnd() override {}
    void OnNull(YAML::Mark const& mark, YAML::anchor_t anchor) override {
        add(checked(mark, "?", anchor, Node::Kind::nothing));
    }
    void OnAlias(YAML::Mark const& mark, YAML::anchor_t) override {
        throw Refused{place(mark), "aliases (*name) are not supported; write the value again"};
    }
    void OnScalar(YAML::Mark const& mark,
                  std::string const& tag,
                  YAML::anchor_t anchor,
                  std::string const& value) override {
        auto node = checked(mark, tag, anchor, Node::Kind::scalar);
        node.text = value;
        node.quoted = tag == "!";
        add(std::move(node));
    }
    void OnSequenceStart(YAML::Mark const& mark,
                         std::string const& tag,
                         YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(checked(mark, tag, anchor, Node::Kind::list));
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(YAML::Mark const& mark,
                    std::string const& tag,
                    YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(checked(mark, tag, anchor, Node::Kind::mapping));
    }
    void OnMapEnd() override { close(); }

    Place place(YAML::Mark const& mark) const {
        if (mark.is_null()) return {file_, 0, 0};
        return {file_, mark.line + 1, mark.column + 1};
    }

private:
    struct Open {
        Node node;
        std::optional<std::string> key;   // read, its value not yet
        Place key_at;
        std::map<std::string, int> lines;   // of the keys so far
    };

    Node checked(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor, Node::Kind kind) {
        if (anchor != YAML::NullAnchor) throw Refused{place(mark), "anchors (&name) are not supported"};
        if (tag != "?" && tag != "!" && !tag.empty())
            throw Refused{place(mark), "tags (!name) are not supported"};
        if (++values_ > kMostValues)
            throw Refused{place(mark), "more than " + std::to_string(kMostValues) + " values"};
        Node node;
        node.kind = kind;
        node.at = place(mark);
        return node;
    }

    void open(Node node) {
        if (open_.size() == kDeepestNesting)
            throw Refused{node.at, "nested deeper than " + std::to_string(kDeepestNesting) + " levels"};
        if (expects_key()) refuse_key(node);
        open_.push_back({std::move(node), std::nullopt, {}, {}});
    }

    void close() {
        auto done = std::move(open_.back().node);
        open_.pop_back();
        add(std::move(done));
    }

    void add(Node node) {
        if (open_.empty()) {
            root_ = std::move(node);
        } else if (expects_key()) {
            take_key(std::move(node));
        } else {
            auto& parent = open_.back();
            if (parent.key) {
                // yaml-cpp says where the next thing begins, lines later.
                if (node.kind == Node::Kind::nothing) node.at = parent.key_at;
                node.key = std::move(*parent.key);
                node.key_at = std::move(parent.key_at);
                parent.key.reset();
            }
            parent.node.children.push_back(std::move(node));
        }
    }

    bool expects_key() const {
        return !open_.empty() && open_.back().node.kind == Node::Kind::mapping && !open_.back().key;
    }

    void take_key(Node node) {
        if (node.kind != Node::Kind::scalar) refuse_key(node);
        auto& mapping = open_.back();
        auto const [first, is_new] = mapping.lines.emplace(node.text, node.at.line);
        mapping.key = std::move(node.text);
        mapping.key_at = std::move(node.at);
        check_.that(is_new, mapping.key_at,
                    path() + ": is written twice, first in line " + std::to_string(first->second));
    }

    [[noreturn]] void refuse_key(Node const& node) const { throw Refused{node.at, "a key must be text"}; }

    std::string path() const {
        std::string path;
        for (auto const& level : open_)
            if (level.key) path += (path.empty() ? "" : ".") + *level.key;
        return printable(path);
    }

    std::string const& file_;
    Check& check_;
    std::vector<Open> open_;
    std::optional<Node> root_;
    std::size_t values_ = 0;
};

}   // namespace

std::optional<Node> parse_yaml(std::string const& text, std::string const& file, Check& check) {
    if (text.size() > kLongestDocument) {
        check.problem({file, 0, 0}, "is larger than " + std::to_string(kLongestDocument) + " bytes");
        return std::nullopt;
    }
    TreeBuilder builder{file, check};
    try {
        std::istringstream in{text};
        YAML::Parser parser{in};
        while (parser.HandleNextDocument(builder)) {}
    } catch (Refused const& refused) {
        check.problem(refused.at, refused.what);
        return std::nullopt;
    } catch (YAML::Exception const& failed) {
        check.problem(builder.place(failed.mark), "is not valid YAML: " + printable(failed.msg));
        return std::nullopt;
    }
    auto root = builder.take();
    if (root) return root;
    Node empty;
    empty.at = {file, 1, 1};
    return empty;
}

std::string printable(std::string_view text) {
    constexpr std::size_t kLongestShown = 80;
    std::string out;
    for (char c : text.substr(0, kLongestShown)) out += c < ' ' || c > '~' ? '?' : c;
    return text.size() > kLongestShown ? out + "..." : out;
}

std::string shown(std::string_view text) {
    return '"' + printable(text) + '"';
}

}   // namespace config
