//! serde's data model to bytes, straight into the output.

use std::fmt::Display;

use rmp::Marker;
use serde::{Serialize, ser};

use super::{
    error::{Failure, Segment},
    wire::{self, Header, Nesting},
};

/// Writes one value behind what `out` holds.
#[derive(Debug)]
pub(super) struct Serializer<'a> {
    out: &'a mut Vec<u8>,
    nesting: Nesting,
}

impl<'a> Serializer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, nesting: Nesting::default() }
    }

    #[inline]
    fn compound(self, header: Header, len: Option<usize>) -> Result<Compound<'a>, Failure> {
        let nesting = self.nesting.container()?;
        let at = self.out.len();
        let declared = len.unwrap_or(0);
        wire::put_header(self.out, header, declared)?;
        Ok(Compound { out: self.out, nesting, header, at, declared, count: 0 })
    }

    /// The map of one entry around a variant that carries something; gives what writes the something.
    #[inline]
    fn variant(self, name: &str) -> Result<Self, Failure> {
        let nesting = self.nesting.container()?;
        wire::put_header(self.out, Header::Map, 1)?;
        wire::put_str(self.out, name)?;
        Ok(Self { out: self.out, nesting })
    }
}

impl<'a> ser::Serializer for Serializer<'a> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    #[inline]
    fn serialize_bool(self, v: bool) -> Result<(), Failure> {
        wire::put_marker(self.out, if v { Marker::True } else { Marker::False });
        Ok(())
    }

    #[inline]
    fn serialize_i8(self, v: i8) -> Result<(), Failure> {
        self.serialize_i64(v.into())
    }

    #[inline]
    fn serialize_i16(self, v: i16) -> Result<(), Failure> {
        self.serialize_i64(v.into())
    }

    #[inline]
    fn serialize_i32(self, v: i32) -> Result<(), Failure> {
        self.serialize_i64(v.into())
    }

    #[inline]
    fn serialize_i64(self, v: i64) -> Result<(), Failure> {
        wire::put_int(self.out, v);
        Ok(())
    }

    // Always in full width: a small one that looked like any other integer would pass through serde's buffers, which
    // refuse large ones, and an untagged enum would then take it for its 64-bit sibling.
    fn serialize_i128(self, v: i128) -> Result<(), Failure> {
        wire::put_i128(self.out, v);
        Ok(())
    }

    #[inline]
    fn serialize_u8(self, v: u8) -> Result<(), Failure> {
        self.serialize_u64(v.into())
    }

    #[inline]
    fn serialize_u16(self, v: u16) -> Result<(), Failure> {
        self.serialize_u64(v.into())
    }

    #[inline]
    fn serialize_u32(self, v: u32) -> Result<(), Failure> {
        self.serialize_u64(v.into())
    }

    #[inline]
    fn serialize_u64(self, v: u64) -> Result<(), Failure> {
        wire::put_uint(self.out, v);
        Ok(())
    }

    fn serialize_u128(self, v: u128) -> Result<(), Failure> {
        wire::put_u128(self.out, v);
        Ok(())
    }

    fn serialize_f32(self, v: f32) -> Result<(), Failure> {
        wire::put_f32(self.out, v);
        Ok(())
    }

    fn serialize_f64(self, v: f64) -> Result<(), Failure> {
        wire::put_f64(self.out, v);
        Ok(())
    }

    fn serialize_char(self, v: char) -> Result<(), Failure> {
        wire::put_str(self.out, v.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, v: &str) -> Result<(), Failure> {
        wire::put_str(self.out, v)
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<(), Failure> {
        wire::put_bytes(self.out, v)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Failure> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        let nesting = self.nesting.wrapper()?;
        let at = self.out.len();
        value.serialize(Serializer { out: &mut *self.out, nesting })?;
        wire::mark_some(self.out, at)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Failure> {
        wire::put_marker(self.out, Marker::Null);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Failure> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<(), Failure> {
        wire::put_str(self.out, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), Failure> {
        let nesting = self.nesting.wrapper()?;
        value.serialize(Serializer { out: self.out, nesting })
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(self.variant(variant)?).map_err(|e| e.within(Segment::Name(variant.to_owned())))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'a>, Failure> {
        self.compound(Header::Array, len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Compound<'a>, Failure> {
        self.compound(Header::Array, Some(len))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Compound<'a>, Failure> {
        self.compound(Header::Array, Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a>, Failure> {
        self.variant(variant)?.compound(Header::Array, Some(len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'a>, Failure> {
        self.compound(Header::Map, len)
    }

    #[inline]
    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Compound<'a>, Failure> {
        self.compound(Header::Map, Some(len))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a>, Failure> {
        self.variant(variant)?.compound(Header::Map, Some(len))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Failure> {
        use std::io::Write as _;

        let at = self.out.len();
        wire::put_header(self.out, Header::Str, 0)?;
        let start = self.out.len();
        write!(self.out, "{value}").map_err(|_| ser::Error::custom("its `Display` failed"))?;
        let len = self.out.len() - start;
        wire::replace_header(self.out, at, Header::Str, 0, len)
    }
}

/// A sequence or a map in the making. Its header is set right at the end, if the length was unknown or wrong.
#[derive(Debug)]
pub(super) struct Compound<'a> {
    out: &'a mut Vec<u8>,
    nesting: Nesting,
    header: Header,
    at: usize,
    declared: usize,
    count: usize,
}

impl Compound<'_> {
    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        value.serialize(Serializer { out: &mut *self.out, nesting: self.nesting })
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let index = self.count;
        self.count += 1;
        self.value(value).map_err(|e| e.within(Segment::Index(index)))
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Failure> {
        self.count += 1;
        wire::put_str(self.out, name)?;
        self.value(value).map_err(|e| e.within(Segment::Name(name.to_owned())))
    }

    #[inline]
    fn finish(self) -> Result<(), Failure> {
        if self.count == self.declared {
            return Ok(());
        }
        wire::replace_header(self.out, self.at, self.header, self.declared, self.count)
    }
}

impl ser::SerializeSeq for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.element(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeTuple for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.element(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeTupleStruct for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.element(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeTupleVariant for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.element(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failure> {
        self.count += 1;
        self.value(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.value(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Failure> {
        self.field(key, value)
    }

    #[inline]
    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeStructVariant for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Failure> {
        self.field(key, value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}
