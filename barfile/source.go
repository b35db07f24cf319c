package barfile

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/blotterdb/blotter/internal/workbook"
)

// source is what a file holds: itself, or the members of the archive that it is.
type source struct {
	name    string
	read    atomic.Int64 // bytes of the file, packed as they are
	closers []io.Closer
	plain   *bufio.Reader // of a file that is no archive; nil once it is taken
	tar     *tar.Reader
	members int // of the tar, up to here
	zip     []*zip.File
	member  io.Closer // of the zip
	// sheet is the one that is read of a workbook, otherSheets are its others.
	sheet       string
	otherSheets []string
}

// counted counts what is read of the file.
type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// isArchive reports the first bytes of a zip.
func isZip(start []byte) bool { return bytes.HasPrefix(start, []byte("PK\x03\x04")) }

// packed are the first bytes of what is not read through.
var packed = map[string]string{"\xfd7zXZ\x00": "xz", "\x28\xb5\x2f\xfd": "zstd", "BZh": "bzip2", "7z\xbc\xaf": "7-Zip",
	"Rar!": "RAR", "PAR1": "Parquet"}

// oldWorkbook are the first bytes of an .xls workbook, and of an .xlsx one with a password.
const oldWorkbook = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

// newSource looks into the stream for what packs it. sheet is that of a workbook, "" for the first one.
func newSource(name string, r io.Reader, sheet string) (*source, error) {
	s := &source{name: name}
	buffered := bufio.NewReaderSize(counted{r, &s.read}, lineBytesMax)
	start, _ := buffered.Peek(512)
	if isZip(start) {
		return s.openZip(r, sheet)
	}
	if sheet != "" {
		return nil, fileError(name, "it is not an .xlsx workbook, and has no sheets; leave out --sheet")
	}
	if bytes.HasPrefix(start, []byte(oldWorkbook)) {
		return nil, fileError(name, "it is an old workbook (.xls) or one with a password; save it as .xlsx or CSV")
	}
	if bytes.HasPrefix(start, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fileError(name, "the gzip cannot be read: "+err.Error())
		}
		s.closers = append(s.closers, unpacked)
		buffered = bufio.NewReaderSize(unpacked, lineBytesMax)
		start, _ = buffered.Peek(512)
	}
	for magic, kind := range packed {
		if bytes.HasPrefix(start, []byte(magic)) {
			return nil, fileError(name, "it is packed as "+kind+", which is not read through; " +
				"unpack it to CSV, .gz or .zip first")
		}
	}
	if isTar(start) {
		s.tar = tar.NewReader(buffered)
		return s, nil
	}
	s.plain = buffered
	return s, nil
}

const (
	// membersMax is the most members of an archive, those included that are not read.
	membersMax = 100_000
	// directoryBytesMax is the most bytes that are read of a zip to find its members.
	directoryBytesMax = 16 << 20
)

var (
	errDirectoryTooLong = errors.New("the directory is too long")
	tooManyMembers      = fmt.Sprintf("the archive has more than %d members; " +
		"divide it, or unpack it and name the folder", membersMax)
)

// boundedReader reads at most so many bytes of a file.
type boundedReader struct {
	r    io.ReaderAt
	left int64 // negative for no bound
}

func (b *boundedReader) ReadAt(p []byte, off int64) (int, error) {
	if b.left < 0 {
		return b.r.ReadAt(p, off)
	}
	if int64(len(p)) > b.left {
		return 0, errDirectoryTooLong
	}
	b.left -= int64(len(p))
	return b.r.ReadAt(p, off)
}

// openZip opens a zip, or the sheet of a workbook, which is one too.
func (s *source) openZip(r io.Reader, sheet string) (*source, error) {
	file, isFile := r.(*os.File)
	var info os.FileInfo
	var err error
	if isFile {
		info, err = file.Stat()
	}
	if !isFile || err != nil || !info.Mode().IsRegular() {
		return nil, fileError(s.name, "a zip is read from a file, not from a stream; " +
			"save it first (an .xlsx is one too)")
	}
	directory := &boundedReader{r: file, left: directoryBytesMax}
	archive, err := zip.NewReader(directory, info.Size())
	directory.left = -1 // what follows are the members
	if errors.Is(err, errDirectoryTooLong) || err == nil && len(archive.File) > membersMax {
		return nil, fileError(s.name, tooManyMembers)
	}
	if err != nil {
		return nil, fileError(s.name, "the zip cannot be read: "+err.Error())
	}

	if workbook.Is(archive.File) {
		book, err := workbook.Open(file, info.Size(), sheet)
		if err != nil {
			return nil, fileError(s.name, err.Error())
		}
		s.sheet, s.otherSheets = book.Name, book.Others
		s.read.Store(info.Size())
		s.closers = append(s.closers, book)
		s.plain = bufio.NewReaderSize(book, lineBytesMax)
		return s, nil
	}
	if hasMember(archive.File, "META-INF/manifest.xml") && hasMember(archive.File, "content.xml") {
		return nil, fileError(s.name, "it is an OpenDocument spreadsheet (.ods); save it as .xlsx or CSV")
	}
	if sheet != "" {
		return nil, fileError(s.name, "it is a zip and not an .xlsx workbook, and has no sheets; leave out --sheet")
	}
	s.zip = archive.File
	return s, nil
}

func hasMember(members []*zip.File, name string) bool {
	return slices.ContainsFunc(members, func(member *zip.File) bool { return member.Name == name })
}

// sheetHint says of a workbook in whose sheet nothing was found which other sheets there are, or is "".
func (s *source) sheetHint() string {
	switch {
	case s.sheet == "":
		return ""
	case len(s.otherSheets) == 0:
		return "sheet " + strconv.Quote(s.sheet) + " is its only one"
	}
	return "that is sheet " + strconv.Quote(s.sheet) + "; --sheet chooses another: " + strings.Join(s.otherSheets, ", ")
}

func isTar(start []byte) bool { return len(start) > 262 && string(start[257:262]) == "ustar" }

// packedAs is what a member of an archive is packed as, or "".
func packedAs(r *bufio.Reader) string {
	start, _ := r.Peek(512)
	switch {
	case isZip(start):
		return "zip"
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return "gzip"
	case isTar(start):
		return "tar"
	}
	for magic, kind := range packed {
		if bytes.HasPrefix(start, []byte(magic)) {
			return kind
		}
	}
	return ""
}

// isArchive reports that the file holds files.
func (s *source) isArchive() bool { return s.tar != nil || s.zip != nil }

// next is the next file that the source holds, until io.EOF. Its name is "" for a file that is no archive.
func (s *source) next() (name string, r *bufio.Reader, err error) {
	switch {
	case s.plain != nil:
		r, s.plain = s.plain, nil
		return "", r, nil
	case s.tar != nil:
		for {
			if s.members++; s.members > membersMax {
				return "", nil, fileError(s.name, tooManyMembers)
			}
			header, err := s.tar.Next()
			if errors.Is(err, io.EOF) {
				return "", nil, io.EOF
			} else if err != nil {
				return "", nil, fileError(s.name, "the tar cannot be read: "+err.Error())
			}
			if header.Typeflag == tar.TypeReg && isVisible(header.Name) {
				return header.Name, bufio.NewReaderSize(s.tar, lineBytesMax), nil
			}
		}
	}
	for len(s.zip) > 0 {
		entry := s.zip[0]
		s.zip = s.zip[1:]
		if entry.FileInfo().IsDir() || !isVisible(entry.Name) {
			continue
		}
		if s.member != nil {
			_ = s.member.Close()
		}
		if entry.Flags&1 != 0 {
			return "", nil, fileError(s.name, entry.Name+" is encrypted; unpack it first")
		}
		opened, err := entry.Open()
		if err != nil {
			return "", nil, fileError(s.name, "the zip cannot be read: "+err.Error())
		}
		s.member = opened
		s.read.Add(int64(entry.CompressedSize64))
		return entry.Name, bufio.NewReaderSize(opened, lineBytesMax), nil
	}
	return "", nil, io.EOF
}

// isVisible reports a member that people put there, unlike .DS_Store and __MACOSX.
func isVisible(name string) bool {
	return !strings.HasPrefix(path.Base(name), ".") && !strings.HasPrefix(name, "__MACOSX")
}

func (s *source) close() {
	if s.member != nil {
		_ = s.member.Close()
	}
	for _, c := range s.closers {
		_ = c.Close()
	}
}
