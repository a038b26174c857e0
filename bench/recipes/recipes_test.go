// Package recipes_test runs merchants' servers, each with another SDK, before an emulated WeChat
// Pay as `cloudpay gateway` runs it, with a hundred orders each. docs/sdks.md shows the programs.
package recipes_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/nodetest"
)

// orders is how many orders each program sells.
const orders = "100"

// modules installs the SDKs for Node.js, at the versions of package-lock.json.
var modules = sync.OnceValue(func() error {
	return exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").Run()
})

func TestRecipes(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"wechatpay-axios-plugin": {"node", "axios.js"},
		"wechatpay-node-v3":      {"node", "nodev3.js"},
		"tenpay":                 {"node", "tenpay.js"},
		"wechatpay-go":           {"go", "run", "./testdata/wechatpaygo"},
		"gopay":                  {"go", "run", "./testdata/gopay"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if command[0] == "node" {
				wantNode(t)
			}
			file, requests := start(t)
			cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], file, orders)...)
			output, err := cmd.CombinedOutput()
			want := orders + " orders placed, paid, notified, queried and refunded; " + orders + " placed and closed\n"
			if err != nil || string(output) != want {
				t.Errorf("got %v and\n%s\nwant %s\nthe last requests:\n%s", err, output, want, requests())
			}
		})
	}
}

// start starts WeChat Pay, and returns where it is described and what it was last asked.
func start(t *testing.T) (file string, requests func() string) {
	t.Helper()
	dir := t.TempDir()
	d, err := desk.Start(t.Context(), dir, desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if _, err := d.Describe("", "", desk.Settings{API: "v3", Region: "cn"}).Write(dir); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, desk.File), func() string {
		const most = 5
		var lines []string
		all := d.Gateway.Requests()
		for _, r := range all[max(0, len(all)-most):] {
			lines = append(lines, r.Method+" "+r.URL+" "+r.Verdict+" "+r.Code+" "+r.Reason)
		}
		return strings.Join(lines, "\n")
	}
}

// wantNode skips a test for want of Node.js, and installs the recipes' packages.
func wantNode(t *testing.T) {
	t.Helper()
	nodetest.Need(t)
	if err := modules(); err != nil {
		t.Fatalf("npm ci: %v", errors.Join(err))
	}
}
