package world

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
)

// A snapshot is a zip archive with
//
//	snapshot.json            {"format":1}
//	gateway.jsonl            WeChat Pay's state, as GET /state has it
//	orders.db, orders.db-wal the registered orders
//
// Keys are not part of it: a snapshot can be kept beside the tests that begin with it. For the same
// reason it has no asynchronous events and no dead letters of the cloud, which hold tokens.
const (
	snapshotFile   = "snapshot.json"
	snapshotFormat = 1
	snapshotState  = "gateway.jsonl"
	// maxSnapshotFile bounds what is unpacked of one file, so that a damaged archive does not fill
	// the disk.
	maxSnapshotFile = 4 << 30
)

type snapshotHead struct {
	Format int `json:"format"`
}

// Export writes the state of a folder, in which no emulator runs, to a file. An existing file is
// replaced, when all is written.
func Export(dir, file string) error {
	dir, release, err := take(dir)
	if err != nil {
		return err
	}
	defer release()
	if !hasState(dir) {
		return bilingual.Errorf("there is nothing to export in %s: no emulator has kept orders there", "%s 中没有可导出的内容：尚无模拟器在此保存过订单", dir)
	}
	out, err := os.CreateTemp(filepath.Dir(file), ".export-*")
	if err != nil {
		return explain(bilingual.Errorf("exporting to %s: %w", "导出到 %s：%w", file, err))
	}
	err = errors.Join(pack(dir, out), out.Sync(), out.Close())
	if err == nil {
		err = os.Rename(out.Name(), file)
	}
	if err != nil {
		_ = os.Remove(out.Name()) // the error that matters is why it could not be written
		return explain(bilingual.Errorf("exporting to %s: %w", "导出到 %s：%w", file, err))
	}
	return nil
}

// Import makes the state of a file, which Export has written, that of a folder in which no emulator
// runs. It refuses to replace one, unless fresh says so.
func Import(dir, file string, fresh bool) error {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return unreadable(file, err)
	}
	defer func() { _ = archive.Close() }() // it was only read
	if err := checkSnapshot(&archive.Reader); err != nil {
		return unreadable(file, err)
	}
	dir, release, err := take(dir)
	if err != nil {
		return err
	}
	defer release()
	if hasState(dir) && !fresh {
		return bilingual.Errorf("%s has a state already: import into another folder, or replace it with --fresh",
			"%s 中已有状态：请导入到其他目录，或用 --fresh 替换", dir)
	}
	return explain(reset(dir, func() error { return unpack(&archive.Reader, file, dir) }))
}

// take locks a folder, which has to be there, and ends what a killed process began in it.
func take(dir string) (path string, release func(), err error) {
	path, release, err = desk.Lock(dir)
	if err != nil {
		return "", nil, explain(err)
	}
	if err := prepare(path, false); err != nil {
		release()
		return "", nil, explain(err)
	}
	return path, release, nil
}

// hasState reports whether a folder has the database of a gateway or of a register.
func hasState(dir string) bool {
	return slices.ContainsFunc([]string{gatewayFile, ordersFile}, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// pack writes the files that there are.
func pack(dir string, out io.Writer) error {
	archive := zip.NewWriter(out)
	head, err := json.Marshal(snapshotHead{snapshotFormat})
	if err != nil {
		return fmt.Errorf("encoding %s: %w", snapshotFile, err)
	}
	w, err := archive.Create(snapshotFile)
	if err == nil {
		_, err = w.Write(head)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", snapshotFile, err)
	}
	if err := packGateway(archive, dir); err != nil {
		return err
	}
	for _, name := range registerFiles() {
		if err := packFile(archive, dir, name); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	return nil
}

// packGateway writes the state of the folder's gateway.
func packGateway(archive *zip.Writer, dir string) error {
	gateway, err := desk.Addresses{}.OpenGateway(dir)
	if err != nil {
		return err
	}
	w, err := archive.Create(snapshotState)
	if err == nil {
		err = gateway.Export(w)
	}
	if err = errors.Join(err, gateway.Close()); err != nil {
		return fmt.Errorf("packing %s: %w", snapshotState, err)
	}
	return nil
}

// packFile writes one file, unless it is not there.
func packFile(archive *zip.Writer, dir, name string) error {
	in, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	w, err := archive.Create(name)
	if err == nil {
		_, err = io.Copy(w, in)
	}
	if err != nil {
		return fmt.Errorf("packing %s: %w", name, err)
	}
	return nil
}

// checkSnapshot reports an archive that Export has not written, or a later program's.
func checkSnapshot(archive *zip.Reader) error {
	names := map[string]bool{}
	for _, file := range archive.File {
		if file.Name != snapshotFile && file.Name != snapshotState && !slices.Contains(registerFiles(), file.Name) {
			return bilingual.Errorf("it has %q, which no export has", "其中有 %q，导出的文件不含此项", file.Name)
		}
		if names[file.Name] {
			return bilingual.Errorf("it has %s twice", "其中 %s 出现两次", file.Name)
		}
		names[file.Name] = true
	}
	in, err := archive.Open(snapshotFile)
	if err != nil {
		return bilingual.Errorf("it has no %s", "其中没有 %s", snapshotFile)
	}
	defer func() { _ = in.Close() }() // it was only read
	var head snapshotHead
	const maxHead = 1 << 10
	if err := json.NewDecoder(io.LimitReader(in, maxHead)).Decode(&head); err != nil {
		return bilingual.Errorf("%s: %w", "%s：%w", snapshotFile, err)
	}
	if head.Format != snapshotFormat {
		return bilingual.Errorf("its format is %d, and this program reads %d", "其格式为 %d，本程序可读 %d", head.Format, snapshotFormat)
	}
	return nil
}

// unpack writes the files into a folder, and gives its gateway the state.
func unpack(archive *zip.Reader, from, dir string) error {
	for _, file := range archive.File {
		var err error
		switch file.Name {
		case snapshotFile:
		case snapshotState:
			err = unpackGateway(file, dir)
		default:
			err = unpackFile(file, filepath.Join(dir, filepath.Base(file.Name))) // checkSnapshot knows the names
		}
		if err != nil {
			return bilingual.Errorf("importing %s: %w", "导入 %s：%w", from, err)
		}
	}
	return nil
}

// unpackGateway gives the folder's gateway, which is new, its state.
func unpackGateway(file *zip.File, dir string) error {
	in, err := file.Open()
	if err != nil {
		return fmt.Errorf("reading %s: %w", file.Name, err)
	}
	defer func() { _ = in.Close() }() // it was only read
	gateway, err := desk.Addresses{}.OpenGateway(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(gateway.Import(in), gateway.Close()); err != nil {
		return fmt.Errorf("%s: %w", file.Name, err)
	}
	return nil
}

// unpackFile writes one file, for its owner alone.
func unpackFile(file *zip.File, to string) error {
	if file.UncompressedSize64 > maxSnapshotFile {
		return bilingual.Errorf("%s is too large", "%s 过大", file.Name)
	}
	in, err := file.Open()
	if err != nil {
		return fmt.Errorf("reading %s: %w", file.Name, err)
	}
	defer func() { _ = in.Close() }() // it was only read
	const private = 0o600
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, private)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, maxSnapshotFile))
	return errors.Join(err, out.Sync(), out.Close())
}

// unreadable says that a file is not an export.
func unreadable(file string, err error) error {
	return bilingual.Errorf("%s cannot be imported: %w", "无法导入 %s：%w", file, err)
}
