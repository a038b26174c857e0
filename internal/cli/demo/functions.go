package demo

import (
	"context"
	"io"
	"path/filepath"

	"cloudpay/internal/cli/world"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// FindFunctions sets Binaries and Described. It takes the functions beside this program or, where
// there are none that have SQLite, builds them from the source that the user stands in, and shows
// on out that it does. They are built with the tag sqlite, which deployed functions are not built
// with: their store is a database that all instances reach.
func (d *Demo) FindFunctions(ctx context.Context, out io.Writer) (err error) {
	// Go1 is what SCF and CloudBase run; the other runtimes are tried by emulate --runtime.
	if d.Binaries = world.Prebuilt(platform.Go1); d.Binaries != nil {
		return nil
	}
	bin := filepath.Join(d.Dir, "bin")
	compiling := newWait(out, d.Say("compiling the functions as they are deployed", "编译云函数"))
	err = world.Build(ctx, bin)
	compiling.end()
	if err == nil {
		d.Binaries, err = desk.Find(bin, platform.Go1)
	}
	d.Described = "." // the repository, as the build has checked
	return err
}
