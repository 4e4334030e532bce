//! Kernel helpers, as far as programs call them themselves; loops and reservations are operations of their own.

use rbtrace_ir::{EventId, Helper, MapId, Operand, RECORD_HEADER};

use crate::machine::{Datum, Run};
use crate::memory::Address;
use crate::{Fault, World};

const BAD_ADDRESS: i64 = -14;
const INVALID: i64 = -22;

/// Where a read begins: in foreign memory, or in our own.
enum Source {
    Foreign(u64),
    Own(Address),
}

impl<W: World> Run<'_, '_, W> {
    pub(crate) fn call(&mut self, helper: Helper, args: &[Operand]) -> Result<Datum, Fault> {
        Ok(Datum::Int(match helper {
            Helper::MapLookup | Helper::MapLookupPerCpu => return Ok(Datum::Addr(self.lookup(args)?)),
            Helper::MapUpdate => self.update(args)?,
            Helper::MapDelete => self.delete(args)?,
            Helper::CurrentComm => self.comm(args)?,
            Helper::ProbeReadKernel => self.read(false, args)?,
            Helper::ProbeReadUser => self.read(true, args)?,
            Helper::ProbeReadKernelStr | Helper::ProbeReadStr => self.read_str(false, args)?,
            Helper::ProbeReadUserStr => self.read_str(true, args)?,
            Helper::NsCurrentPidTgid => self.namespace_pid(args)?,
            Helper::Strncmp => self.strncmp(args)?,
            Helper::RingbufOutput => self.output(args)?,
            Helper::KtimeNs | Helper::PrandomU32 | Helper::SmpProcessorId | Helper::CurrentPidTgid | Helper::CurrentUidGid => {
                self.ask(helper)
            }
            Helper::CurrentTask | Helper::NumaNodeId | Helper::CurrentCgroupId | Helper::Jiffies64 | Helper::KtimeBootNs => {
                self.ask(helper)
            }
            // What they do to others is not seen here, and there is no stack.
            Helper::GetStack | Helper::ProbeWriteUser | Helper::TracePrintk | Helper::SendSignal | Helper::SendSignalThread => INVALID,
            Helper::DPath | Helper::SocketCookie | Helper::OverrideReturn => INVALID,
            Helper::SeqPrintf | Helper::SeqWrite => INVALID,
            // There are no other tasks.
            Helper::TaskFromPid | Helper::TaskRelease | Helper::TaskPtRegs => 0,
            Helper::CurrentTaskBtf | Helper::AttachCookie | Helper::FuncIp | Helper::KtimeTaiNs | Helper::SessionIsReturn => {
                self.ask(helper)
            }
            Helper::RingbufReserve
            | Helper::RingbufSubmit
            | Helper::RingbufDiscard
            | Helper::ForEachMapElem
            | Helper::FindVma
            | Helper::Loop => {
                return Err(Fault(format!("{} is an operation, not a call", helper.name())));
            }
        }))
    }

    fn ask(&mut self, helper: Helper) -> i64 {
        self.machine.world.answer(helper)
    }

    fn lookup(&mut self, args: &[Operand]) -> Result<Option<Address>, Fault> {
        let map = self.map_arg(args[0])?;
        let key = self.key(map, args[1])?;
        // A per-CPU look-up names a CPU; there is only the first.
        let elsewhere = args.get(2).is_some_and(|&cpu| !matches!(self.int_arg(cpu), Ok(0)));
        Ok(if elsewhere { None } else { self.machine.maps[map.0 as usize].get(&key) })
    }

    fn update(&mut self, args: &[Operand]) -> Result<i64, Fault> {
        let map = self.map_arg(args[0])?;
        let key = self.key(map, args[1])?;
        let (value, flags) = (self.addr_arg(args[2])?, self.int_arg(args[3])?);
        let size = self.machine.maps[map.0 as usize].value_size;
        let value = self.machine.memory.bytes(value, u64::from(size))?.to_vec();
        Ok(self.machine.maps[map.0 as usize].update(key, &value, flags, &mut self.machine.memory))
    }

    fn delete(&mut self, args: &[Operand]) -> Result<i64, Fault> {
        let map = self.map_arg(args[0])?;
        let key = self.key(map, args[1])?;
        Ok(self.machine.maps[map.0 as usize].delete(&key))
    }

    fn key(&self, map: MapId, arg: Operand) -> Result<Vec<u8>, Fault> {
        let size = self.machine.maps[map.0 as usize].key_size;
        Ok(self.machine.memory.bytes(self.addr_arg(arg)?, u64::from(size))?.to_vec())
    }

    fn comm(&mut self, args: &[Operand]) -> Result<i64, Fault> {
        let (to, size) = (self.addr_arg(args[0])?, self.int_arg(args[1])? as usize);
        let comm = self.machine.world.comm();
        let bytes = self.machine.memory.bytes_mut(to, size as u64)?;
        bytes.fill(0);
        let kept = comm.iter().take_while(|&&byte| byte != 0).count().min(size.saturating_sub(1));
        bytes[..kept].copy_from_slice(&comm[..kept]);
        Ok(0)
    }

    fn read(&mut self, user: bool, args: &[Operand]) -> Result<i64, Fault> {
        let (to, size) = (self.addr_arg(args[0])?, self.int_arg(args[1])? as u64);
        let mut bytes = vec![0; size as usize];
        let read = self.read_from(user, &self.source_arg(args[2])?, 0, &mut bytes)?;
        if !read {
            bytes.fill(0);
        }
        self.machine.memory.bytes_mut(to, size)?.copy_from_slice(&bytes);
        Ok(if read { 0 } else { BAD_ADDRESS })
    }

    /// The string with its NUL, as far as there is room; gives the bytes written.
    fn read_str(&mut self, user: bool, args: &[Operand]) -> Result<i64, Fault> {
        let (to, size) = (self.addr_arg(args[0])?, self.int_arg(args[1])? as u64);
        let from = self.source_arg(args[2])?;
        let mut text = Vec::new();
        while (text.len() as u64) < size.saturating_sub(1) {
            let mut byte = [0];
            if !self.read_from(user, &from, text.len() as u64, &mut byte)? {
                self.machine.memory.bytes_mut(to, size)?.fill(0);
                return Ok(BAD_ADDRESS);
            }
            if byte[0] == 0 {
                break;
            }
            text.push(byte[0]);
        }
        text.truncate(size.saturating_sub(1) as usize);
        text.extend((size > 0).then_some(0));
        self.machine.memory.bytes_mut(to, text.len() as u64)?.copy_from_slice(&text);
        Ok(text.len() as i64)
    }

    fn read_from(&mut self, user: bool, from: &Source, offset: u64, to: &mut [u8]) -> Result<bool, Fault> {
        match from {
            Source::Foreign(address) => Ok(self.read_number(user, address.wrapping_add(offset), to)),
            Source::Own(at) => {
                to.copy_from_slice(self.machine.memory.bytes(at.plus(offset), to.len() as u64)?);
                Ok(!user)
            }
        }
    }

    /// Reads at an address that is a number: it may be one of ours, handed out as a number before.
    fn read_number(&mut self, user: bool, address: u64, to: &mut [u8]) -> bool {
        let memory = &self.machine.memory;
        let own = Address::from_number(address, memory).filter(|_| !user);
        match own.and_then(|at| memory.bytes(at, to.len() as u64).ok()) {
            Some(bytes) => {
                to.copy_from_slice(bytes);
                true
            }
            // What lies behind an area of ours is the world's.
            None => self.machine.world.read(user, address, to),
        }
    }

    fn namespace_pid(&mut self, args: &[Operand]) -> Result<i64, Fault> {
        let (to, size) = (self.addr_arg(args[2])?, self.int_arg(args[3])?);
        let answer = self.machine.world.namespace_pid().filter(|_| size == 8);
        let (pid, tgid) = answer.unwrap_or_default();
        self.machine.memory.store(to, 4, i64::from(pid))?;
        self.machine.memory.store(to.plus(4), 4, i64::from(tgid))?;
        Ok(if answer.is_some() { 0 } else { INVALID })
    }

    fn strncmp(&mut self, args: &[Operand]) -> Result<i64, Fault> {
        let (a, size, b) = (self.addr_arg(args[0])?, self.int_arg(args[1])? as u64, self.addr_arg(args[2])?);
        for at in 0..size {
            let (x, y) = (self.machine.memory.load(a.plus(at), 1, false)?, self.machine.memory.load(b.plus(at), 1, false)?);
            if x != y || x == 0 {
                return Ok((x - y).signum());
            }
        }
        Ok(0)
    }

    fn output(&mut self, args: &[Operand]) -> Result<i64, Fault> {
        let (from, size) = (self.addr_arg(args[1])?, self.int_arg(args[2])? as u64);
        let event = self.machine.memory.load(from, 4, false)? as u32;
        let header = u64::from(RECORD_HEADER);
        let payload = self.machine.memory.bytes(from.plus(header), size.saturating_sub(header))?.to_vec();
        self.machine.events.push((EventId(event), payload));
        Ok(0)
    }

    fn map_arg(&self, operand: Operand) -> Result<MapId, Fault> {
        match operand {
            Operand::Map(map) if (map.0 as usize) < self.program().manifest.maps.len() => Ok(map),
            Operand::Map(_) | Operand::Value(_) | Operand::Int(_) | Operand::Ctx => Err(Fault("a map is wanted".into())),
        }
    }

    fn int_arg(&self, operand: Operand) -> Result<i64, Fault> {
        match operand {
            Operand::Int(value) => Ok(value),
            Operand::Value(value) => match self.datum(value) {
                Datum::Int(int) => Ok(int),
                Datum::Addr(_) => Err(Fault(format!("%{} is an address", value.0))),
            },
            Operand::Ctx | Operand::Map(_) => Err(Fault("an integer is wanted".into())),
        }
    }

    fn addr_arg(&self, operand: Operand) -> Result<Address, Fault> {
        match operand {
            Operand::Value(value) => self.addr(value),
            Operand::Int(_) | Operand::Ctx | Operand::Map(_) => Err(Fault("an address is wanted".into())),
        }
    }

    fn source_arg(&self, operand: Operand) -> Result<Source, Fault> {
        if let Operand::Value(value) = operand
            && let Datum::Addr(at) = self.datum(value)
        {
            return at.map(Source::Own).ok_or_else(|| Fault(format!("%{} is null", value.0)));
        }
        self.int_arg(operand).map(|address| Source::Foreign(address as u64))
    }
}
