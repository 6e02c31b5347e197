# zsh -f t.zsh LINE... : what Tab makes of each LINE in an interactive zsh that has sourced the completion of `lode`
zmodload zsh/zpty zsh/zselect
cd $HOME
mkfifo told
exec {told}<>told
zpty z zsh -f -i
zpty -w z "autoload -Uz compinit; compinit -u -D; source <(lode completion zsh)
tab() { zle \$1; print -r -- \"\$BUFFER\" >told; BUFFER='' }; whole() { tab complete-word }; zle -N whole; bindkey '^T' whole; print ready >told"
read -r -t 20 -u $told line && [[ $line == ready ]] || { print -u2 "no prompt: $line"; exit 1 }
for line in "$@"; do
  zpty -n -w z "$line"$'\C-T'
  read -r -t 20 -u $told answer || { print -u2 "no answer to: $line"; zpty -r z out; print -u2 -r -- $out; exit 1 }
  print -r -- $answer
done
zpty -d z
