// API keys: /admin/keys...
#include "http/endpoint.hpp"

#include <array>

namespace lode::http {
namespace {

using enum place;
using type = value_type;

constexpr std::array list_replies{reply_row{
    200, "List keys successfully.",
    R"({"type":"array","items":{"type":"object","required":["id","name","role","created_at","last_used_at"],)"
    R"("properties":{"id":{"type":"string"},"name":{"type":"string"},)"
    R"("role":{"type":"string","enum":["read","rent","admin"]},"created_at":{"type":"string","format":"date-time"},)"
    R"("last_used_at":{"type":["string","null"],"format":"date-time"}}}})"}};

constexpr std::array add_parameters{
    parameter{"name", query, type::string, "", false, "whose key it is: A-Z a-z 0-9 . _ @ + -", R"("alice")"},
    parameter{"role", query, type::string, "", false, "read, rent or admin; the first key must be an admin's",
              R"("rent")", "read rent admin"}};
constexpr std::array add_replies{
    reply_row{200, "Key was added.",
              R"({"type":"object","required":["id","name","role","key"],"properties":{"id":{"type":"string"},)"
              R"("name":{"type":"string"},"role":{"type":"string","enum":["read","rent","admin"]},)"
              R"("key":{"type":"string"}}})"},
    reply_row{400, "Key was not added.", R"({"type":"string"})"}};

constexpr std::array revoke_parameters{
    parameter{"id", query, type::string, "", false, "id of the key, as the list has it", R"("5f0c9a1b2c3d")"}};
constexpr std::array revoke_replies{reply_row{200, "Key was revoked."},
                                    reply_row{400, "Key was not revoked.", R"({"type":"string"})"},
                                    reply_row{404, "No such key."}};

constexpr std::array table{
    endpoint{verb::post,
             "/admin/keys",
             "admin",
             "API keys, without the keys themselves",
             role::admin,
             {},
             list_replies,
             post_admin_keys,
             {},
             true},
    endpoint{verb::post, "/admin/keys/add", "admin", "Make an API key; it is shown in this reply and never again",
             role::admin, add_parameters, add_replies, post_admin_keys_add},
    endpoint{verb::post, "/admin/keys/revoke", "admin", "Make an API key useless, at once", role::admin,
             revoke_parameters, revoke_replies, post_admin_keys_revoke},
};

}  // namespace

std::span<const endpoint> key_endpoints() { return table; }

}  // namespace lode::http
