#include "platform/rock64/rock64.hpp"

namespace platform {

Hardware rock64() {
    return {.name = "rock64"};
}

}   // namespace platform
