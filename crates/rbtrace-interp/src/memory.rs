//! Memory as areas of bytes: an address is an area and an offset in it. Nothing points outside its area.

use crate::Fault;

/// A place in an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub area: usize,
    pub offset: u64,
}

impl Address {
    pub fn plus(self, bytes: u64) -> Self {
        Self { offset: self.offset + bytes, ..self }
    }
}

/// Where areas lie for programs that ask for an address as a number: somewhere in the kernel's half.
const FIRST: u64 = 0xffff_a000_0000_0000;
/// From one area to the next; larger than any area.
const STRIDE: u64 = 1 << 20;

impl Address {
    /// The address as a number.
    pub fn number(self) -> i64 {
        (FIRST + self.area as u64 * STRIDE + self.offset) as i64
    }

    /// The place that a number is the address of, if it is one of ours.
    pub fn from_number(number: u64, areas: &Memory) -> Option<Address> {
        let distance = number.checked_sub(FIRST)?;
        let at = Address { area: (distance / STRIDE) as usize, offset: distance % STRIDE };
        (at.area < areas.0.len()).then_some(at)
    }
}

/// All areas of a machine.
#[derive(Debug, Default)]
pub struct Memory(Vec<Vec<u8>>);

impl Memory {
    pub fn add(&mut self, bytes: Vec<u8>) -> Address {
        self.0.push(bytes);
        Address { area: self.0.len() - 1, offset: 0 }
    }

    pub fn bytes(&self, at: Address, count: u64) -> Result<&[u8], Fault> {
        let area = &self.0[at.area];
        area.get(at.offset as usize..(at.offset + count) as usize).ok_or_else(|| outside(at, count, area.len()))
    }

    pub fn bytes_mut(&mut self, at: Address, count: u64) -> Result<&mut [u8], Fault> {
        let area = &mut self.0[at.area];
        let size = area.len();
        area.get_mut(at.offset as usize..(at.offset + count) as usize).ok_or_else(|| outside(at, count, size))
    }

    pub fn load(&self, at: Address, bytes: u8, signed: bool) -> Result<i64, Fault> {
        let mut word = [0; 8];
        word[..usize::from(bytes)].copy_from_slice(self.bytes(at, u64::from(bytes))?);
        Ok(crate::arith::extend(i64::from_le_bytes(word), bytes, signed))
    }

    pub fn store(&mut self, at: Address, bytes: u8, value: i64) -> Result<(), Fault> {
        self.bytes_mut(at, u64::from(bytes))?.copy_from_slice(&value.to_le_bytes()[..usize::from(bytes)]);
        Ok(())
    }

    pub fn copy(&mut self, to: Address, from: Address, count: u64) -> Result<(), Fault> {
        let bytes = self.bytes(from, count)?.to_vec();
        self.bytes_mut(to, count)?.copy_from_slice(&bytes);
        Ok(())
    }
}

fn outside(at: Address, count: u64, size: usize) -> Fault {
    Fault(format!("{count} bytes at {} of an area of {size}", at.offset))
}
