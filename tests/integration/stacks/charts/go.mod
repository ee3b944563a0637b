// The charts of GitHub's runner scale sets, as the repository of their makers has them: a module is the form in which
// they can be had by checksum where their registry cannot be reached.
module tradeplane.dev/tests/charts

go 1.25

require github.com/actions/actions-runner-controller v0.27.6
