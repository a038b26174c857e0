//go:build !race

package main

import (
	"database/sql"
	"encoding/hex"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/storetest"
)

// TestKilledPruning kills the real command at random moments. Each order is then whole in the
// register, or in the archive and has a tombstone.
func TestKilledPruning(t *testing.T) {
	t.Parallel()
	killPruning(t, storetest.SQLite(), 12)
}

// leastPruned is how many orders a register has for each kill.
const leastPruned = 1500

func killPruning(t *testing.T, db storetest.Database, kills int) {
	t.Helper()
	address := db.Migrated(t)
	p := &prunedRegister{
		t: t, address: address, raw: storetest.Raw(t, db.Direct(address)), archive: filepath.Join(t.TempDir(), "orders.jsonl.zst"),
		orders: leastPruned * kills,
	}
	storetest.FillEnded(t, db, address, order.Account{Region: order.Mainland, MchID: "1900000001"}, p.orders)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	// The moments follow the speed of this machine: some kills come before anything is pruned, and
	// none prunes a large part of all.
	longest, midway, left := time.Second, 0, p.orders
	for n := 0; n < 5*kills && midway < kills && left > 0; n++ {
		p.run(longest/2 + time.Duration(random.Int64N(int64(longest/2))))
		before := left
		left = p.check()
		switch {
		case left == before:
			longest = longest * 5 / 4
			continue
		case before-left > leastPruned:
			longest = longest * 4 / 5
		}
		if left > 0 {
			midway++
		}
	}
	if midway < kills/3 {
		t.Errorf("%d kills came while orders were pruned, want at least %d", midway, kills/3)
	}
	p.run(time.Hour)
	if left := p.check(); left > 0 {
		t.Errorf("got %d orders left after a run to the end, want none", left)
	}
	t.Logf("%d kills between the first order and the last of %d", midway, p.orders)
}

type prunedRegister struct {
	t *testing.T

	address, archive string
	raw              *sql.DB
	// orders is how many there were.
	orders int
}

// run runs the command, and kills it after a while if it has not ended.
func (p *prunedRegister) run(life time.Duration) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), commandName, "orders", "prune", "--before", "90d", "--archive", p.archive, "--store", p.address)
	cmd.Env = append(cmd.Environ(), "WXPAY_MCHID=1900000001")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	kill := time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if kill.Stop() && err != nil {
		p.t.Fatalf("pruning ended by itself: %v: %s", err, said.String())
	}
}

// check wants each order to be whole, or archived with a tombstone, and returns how many are whole.
// A server may commit what a killed process has sent, so that everything is read at one moment, and
// before the archive.
func (p *prunedRegister) check() (left int) {
	p.t.Helper()
	var events, whole int
	tombstones := p.read("SELECT hash, (SELECT COUNT(*) FROM cloudpay_orders), (SELECT COUNT(*) FROM cloudpay_events),"+
		" (SELECT COUNT(*) FROM cloudpay_orders JOIN cloudpay_events ON order_id = cloudpay_orders.id)"+
		" FROM (SELECT 1 AS one) AS this LEFT JOIN cloudpay_tombstones ON 1 = 1", &left, &events, &whole)
	archived := map[string]bool{}
	for _, line := range archivedLines(p.t, p.archive) {
		if len(line.Events) != 1 {
			p.t.Errorf("order %s is in the archive with %d events, want 1", line.Ref, len(line.Events))
		}
		archived[hex.EncodeToString(schedule.TombstoneHash(line.Ref))] = true
	}
	for _, hash := range tombstones {
		if !archived[hash] {
			p.t.Errorf("tombstone %s is of no order in the archive", hash)
		}
	}
	if left != whole || left != events || left+len(tombstones) != p.orders {
		p.t.Errorf("got %d orders, %d of them whole, %d events and %d tombstones; want %d together", left, whole, events, len(tombstones), p.orders)
	}
	return left
}

// read reads hashes, and the counts that each row has beside its hash.
func (p *prunedRegister) read(statement string, counts ...any) (hashes []string) {
	p.t.Helper()
	rows, err := p.raw.QueryContext(p.t.Context(), statement)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var hash []byte
		if err := rows.Scan(append([]any{&hash}, counts...)...); err != nil {
			p.t.Fatal(err)
		}
		if hash != nil {
			hashes = append(hashes, hex.EncodeToString(hash))
		}
	}
	if err := rows.Err(); err != nil {
		p.t.Fatal(err)
	}
	return hashes
}
