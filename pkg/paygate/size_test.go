package paygate_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// childOrders tells a child to have that many orders, and to print its memory.
const childOrders = "PAYGATE_TEST_ORDERS"

// manyOrders are what a gateway must hold, and maxMemory is in how much memory, in MB.
const (
	manyOrders = 100_000
	maxMemory  = 300
)

// fillChild adds orders, fifty at once, and pays every second fifty, unless the file has them. It
// prints the most memory that the process had.
func fillChild() error {
	g, err := newChild()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(os.Getenv(childOrders))
	if err != nil {
		return err
	}
	if _, err := g.Combined("C0"); err == nil {
		n = 0
	}
	for i := 0; i < n; i += 50 {
		all := paygate.CombinedOrder{CombineOutTradeNo: fmt.Sprint("C", i), OpenID: fmt.Sprintf("oUpF8uMuAJO_M2pxb1Q9z%07d", i)}
		for j := range 50 {
			all.SubOrders = append(all.SubOrders, paygate.Order{
				OutTradeNo: fmt.Sprintf("20261129%012d", i+j), Total: 100, Attach: "a text of thirty-two characters!",
				Description: "深圳分店－公仔手办 QQ公仔", NotifyURL: "http://127.0.0.1:9800/notify/wechat",
			})
		}
		err := g.AddCombined(all)
		if err == nil && i%100 == 0 {
			err = g.Pay(all.CombineOutTradeNo)
		}
		if err != nil {
			return err
		}
	}
	memory, err := peakMemory()
	if err != nil {
		return err
	}
	fmt.Println(memory)
	return g.Close()
}

// peakMemory is the most memory that this process had, in MB: heap, stacks and the pages of the
// file.
func peakMemory() (int, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kB, err := strconv.Atoi(fields[1])
			return kB >> 10, err
		}
	}
	return 0, fmt.Errorf("there is no VmHWM in\n%s", text)
}

// TestManyOrders: a hundred thousand orders fit into a small machine, also after a restart.
func TestManyOrders(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" || raced() {
		t.Skip("it takes seconds, and measures a Linux process without the race detector")
	}
	file := filepath.Join(t.TempDir(), "gateway.db")
	keyPEM := start(t).Merchant.PrivateKeyPEM()
	for _, what := range []string{"filling", "restarting"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childFile+"="+file, childKey+"="+string(keyPEM), childOrders+"="+strconv.Itoa(manyOrders))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		memory, err := strconv.Atoi(strings.TrimSpace(string(out)))
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d MB for %d orders, whose file has %d MB", what, memory, manyOrders, info.Size()>>20)
		if memory > maxMemory {
			t.Errorf("%s takes %d MB, want at most %d", what, memory, maxMemory)
		}
	}
}

// raced reports whether the race detector is in this binary.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, setting := range info.Settings {
		if setting.Key == "-race" && setting.Value == "true" {
			return true
		}
	}
	return false
}
