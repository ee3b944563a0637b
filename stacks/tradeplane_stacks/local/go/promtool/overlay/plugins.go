// Package plugins, as built into promtool: without the discovery of targets at twenty clouds, whose clients are a
// sixth of all packages. Rules are checked and tried without any target.
package plugins
