// lode keys: API keys, for operators.
#include "cli/session.hpp"

#include <boost/json.hpp>

#include <memory>

namespace lode::cli {
namespace {

namespace json = boost::json;

outcome<void> list(session& s) {
  call c;
  c.path = "/admin/keys";
  c.doing = "list keys";
  const auto got = s.ask(c);
  if (!got) return got.error();
  table t;
  t.columns = {{"ID"}, {"NAME", false, true}, {"ROLE"}, {"CREATED"}, {"LAST USED"}};
  if (const auto* items = got->data.if_array())
    for (const auto& k : *items) {
      const auto used = text_in(k, "last_used_at");
      t.rows.push_back({text_in(k, "id"), text_in(k, "name"), text_in(k, "role"), text_in(k, "created_at"),
                        used.empty() ? "never" : used});
    }
  if (t.rows.empty() && !s.json())
    s.note("no keys: whoever reaches the server may do everything; begin with  lode keys add NAME --role admin");
  return s.show(*got, t);
}

outcome<void> add(session& s, const std::string& name, const std::string& role) {
  call c;
  c.path = "/admin/keys/add";
  c.doing = "add a key";
  c.body = json::object{{"name", name}, {"role", role}};
  const auto got = s.ask(c);
  if (!got) return got.error();
  auto shown =
      s.show(*got, std::vector<std::pair<std::string, cell>>{{"id", text_in(got->data, "id")},
                                                             {"name", text_in(got->data, "name")},
                                                             {"role", text_in(got->data, "role")},
                                                             {"key", {text_in(got->data, "key"), tone::strong}}});
  if (shown && !s.json()) s.note("the key is shown this once; the server keeps only its hash");
  return shown;
}

outcome<void> revoke(session& s, const std::string& id) {
  call c;
  c.path = "/admin/keys/revoke";
  c.doing = "revoke a key";
  c.body = json::object{{"id", id}};
  const auto got = s.ask(c);
  if (!got) return got.error();
  return s.confirm(*got, "revoked " + id);
}

}  // namespace

void add_keys(registry& r) {
  auto* c = r.add(
      "keys", "API keys, for operators",
      "  lode keys add alice --role rent\n  lode keys list\n  lode keys revoke 3f2a9c\n"
      "\nRoles: read sees, rent also rents, admin does everything. The first key must be an admin's; from then on\n"
      "every call needs one.");
  c->require_subcommand(1);
  r.on(registry::add_to(c, "list", "List keys, without their secrets", ""), [](session& s) { return list(s); });
  struct arguments {
    std::string name, role;
  };
  auto a = std::make_shared<arguments>();
  auto* plus = registry::add_to(c, "add", "Make a key and show it, once",
                                "  lode keys add ci --role read -o json | jq -r .key\n");
  plus->add_option("name", a->name, "Whose it is")->required();
  plus->add_option("--role", a->role, "read, rent or admin")
      ->required()
      ->check(CLI::IsMember({"read", "rent", "admin"}));
  r.on(plus, [a](session& s) { return add(s, a->name, a->role); });
  auto id = std::make_shared<std::string>();
  auto* minus = registry::add_to(c, "revoke", "Make a key useless, at once", "");
  minus->add_option("id", *id, "As  lode keys list  shows it")->required();
  r.on(minus, [id](session& s) { return revoke(s, *id); });
}

}  // namespace lode::cli
