// lode ssh: becomes ssh, so that its exit status and its terminal are those of ssh.
#include "cli/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <unistd.h>

namespace lode::cli {
namespace {

struct login {
  std::string hotkey, ip, port, user, identity, password, created_at;
};

bool is_plain(std::string_view text) {
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == ':' || c == '-' || c == '_';
  });
}

/// As the server lists it now; as it was made where the server does not answer.
outcome<login> login_of(session& s, const std::string& name) {
  const auto to = s.server();
  if (!to) return to.error();
  const auto state = s.state().read();
  if (!state) return state.error();
  const auto ours = find_ours(*state, s.server_text(), name);
  login out;
  if (ours)
    out = {ours->hotkey, ours->ssh_ip,    std::to_string(ours->ssh_port), ours->ssh_username, ours->identity,
           {},           ours->created_at};
  else if (ours.error().code == ending::usage || name == "last")
    return ours.error();
  const auto listed = list_allocations(s);
  if (!listed && !ours) return listed.error();
  bool found = false;
  if (const auto* items = listed ? listed->data.if_array() : nullptr) {
    for (const auto& item : *items) {
      const auto hotkey = text_in(item, "hotkey");
      if (hotkey != (ours ? ours->hotkey : name)) continue;
      found = true;
      out = {hotkey,       text_in(item, "ssh_ip"),       text_in(item, "ssh_port"),  text_in(item, "ssh_username"),
             out.identity, text_in(item, "ssh_password"), text_in(item, "created_at")};
      const auto state_text = text_in(item, "state");
      if (state_text == "paused")
        return failure{ending::failed, hotkey + " is paused", "let it go on with  lode unpause " + name};
    }
    if (!found && ours)
      return failure{ending::not_found, "the server no longer lists " + ours->hotkey,
                     "the lease has ended; see  lode ls"};
  }
  if (!ours && !found) return ours.error();
  // They become arguments of a program.
  if (!is_plain(out.ip) || !is_plain(out.port) || !is_plain(out.user))
    return failure{ending::failed, "ssh: the server names an address or user that is none", {}};
  return out;
}

/// One list of known hosts for an allocation: each container has a host key of its own, and ports are used again.
std::string known_hosts_of(const login& l, const environment& env) {
  std::string name = l.hotkey;
  for (const char c : l.created_at)
    if (c >= '0' && c <= '9') name += c;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return env.state_folder() + "/known_hosts/" + name;
}

/// As a shell reads it back.
std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view{"@%+=:,./_-"}.find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return word;
  std::string out{"'"};
  for (const char c : word) out += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return out + "'";
}

outcome<void> become(const std::string& program, std::vector<std::string> words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return failure{ending::failed, program + ": " + std::strerror(errno), {}};
}

struct arguments {
  std::string name;
  std::string identity;
  bool print = false;
};

outcome<void> ssh(session& s, const arguments& a, const std::vector<std::string>& command) {
  auto l = login_of(s, a.name);
  if (!l) return l.error();
  if (!a.identity.empty()) l->identity = s.env().expanded(a.identity);
  const auto program = program_in_path("ssh", s.env());
  if (program.empty()) return failure{ending::failed, "ssh is not installed", "install openssh-client"};
  const auto hosts = known_hosts_of(*l, s.env());
  // ssh makes the file, but not its folder.
  if (!file_exists(hosts))
    if (auto made = write_private_file(hosts, ""); !made) return made;

  std::vector<std::string> words{"ssh",
                                 "-p",
                                 l->port,
                                 "-o",
                                 "UserKnownHostsFile=" + hosts,
                                 "-o",
                                 "GlobalKnownHostsFile=/dev/null",
                                 "-o",
                                 "StrictHostKeyChecking=accept-new"};
  // Its notice that it has learned the host's key is no news the first time.
  if (!command.empty()) words.insert(words.end(), {"-o", "LogLevel=ERROR"});
  const bool by_key = !l->identity.empty() && file_exists(l->identity);
  if (by_key) words.insert(words.end(), {"-i", l->identity, "-o", "IdentitiesOnly=yes"});
  words.push_back(l->user + "@" + l->ip);
  words.insert(words.end(), command.begin(), command.end());
  if (a.print) {
    std::string line;
    for (const auto& w : words) line += (line.empty() ? "" : " ") + quoted(w);
    return s.print(line + "\n");
  }
  if (by_key || l->password.empty()) return become(program, std::move(words));
  const auto sshpass = program_in_path("sshpass", s.env());
  if (sshpass.empty()) {
    s.note("no private key for this allocation is known: ssh asks for the password, which  lode show " + a.name +
           " --secrets  shows (with sshpass installed it is typed for you)");
    return become(program, std::move(words));
  }
  // Through the environment: arguments can be read by every user of the machine.
  ::setenv("SSHPASS", l->password.c_str(), 1);
  words.insert(words.begin(), {"sshpass", "-e"});
  words[2] = program;
  return become(sshpass, std::move(words));
}

}  // namespace

void add_ssh(registry& r) {
  auto a = std::make_shared<arguments>();
  auto* c =
      r.add("ssh", "Log in, or run a command in the container",
            "  lode ssh last\n  lode ssh last -- nvidia-smi -L\n  lode ssh 5Gme -- 'cd /tmp && ls'\n"
            "\nAfter -- comes a command for the container's shell, as ssh takes it. The exit status is that of ssh:\n"
            "the command's, or 255. Logs in with the key of the allocation, else with the password (sshpass). Each\n"
            "allocation has a known_hosts file of its own; the first host key is accepted, another one is refused.");
  c->add_option("name", a->name, "'last', a hotkey, or its beginning")->required();
  c->add_option("-i,--identity", a->identity, "Private key")->type_name("FILE");
  c->add_flag("--print", a->print, "Only print the ssh command");
  r.on(c, [a, &r](session& s) { return ssh(s, *a, r.after_dashes); });
}

}  // namespace lode::cli
